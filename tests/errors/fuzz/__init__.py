"""The doors of capture under input that nobody meant: what is sent here is derived from what is valid, then broken.

In the suite the examples are the same in every run. To search for more: `FUZZ_EXAMPLES=20000 pytest tests/errors/fuzz`.
"""
