"""A small Django shop that fails in two hundred ways: what the benchmark's envelopes are made from.

`python -m tests.bench.shop FOLDER` runs it in a process of its own: settings and SDK are the process's.
"""
