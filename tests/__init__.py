"""The tests mirror the house: tests/<subject>/test_<action>.py. What they stand on is in this folder itself."""
