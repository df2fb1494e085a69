"""The tests mirror the house: tests/<subject>/test_<action>.py. The machinery they stand on is in this folder itself."""
