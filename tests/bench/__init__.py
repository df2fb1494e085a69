"""`make bench`: this console beside a peer, on one machine, in one run.

Every process is a child of the benchmark and ended by its pid; everything listens on 127.0.0.1 only and is bounded in
count and time. What is made or cached lies in `.bench/` (READINESS_BENCH_HOME).
"""
