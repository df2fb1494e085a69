"""What pollers print, and the table made of it."""

import json

import pytest

from tests.bench.config import BARE, Polled, _own_parse, section, wrk_parse

WRK = """Running 5s test @ http://127.0.0.1:8000/config
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.02ms  850.00us  20.11ms   92.01%
    Req/Sec    12.31k     1.20k   15.00k    71.00%
  Latency Distribution
     50%  {p50}
     75%    1.20ms
     90%    2.00ms
     99%  {p99}
  61550 requests in 5.00s, 12.34MB read
{trouble}Requests/sec:  12310.45
Transfer/sec:      2.47MB
"""


def test_it_reads_what_wrk_prints() -> None:
    text = WRK.format(p50="850.00us", p99="   4.50ms", trouble="")
    assert wrk_parse(text) == Polled(12310.45, 0.85, 4.5, failed=0)


def test_it_counts_every_failure_that_wrk_names() -> None:
    trouble = "  Socket errors: connect 0, read 3, write 1, timeout 2\n  Non-2xx or 3xx responses: 10\n"
    assert wrk_parse(WRK.format(p50="1.00s", p99="1.50m", trouble=trouble)) == Polled(
        12310.45, 1000.0, 90_000.0, failed=16
    )


@pytest.mark.parametrize("missing", ["Requests/sec", "99%"])
def test_it_refuses_what_wrk_did_not_say(missing: str) -> None:
    text = WRK.format(p50="850.00us", p99="   4.50ms", trouble="").replace(missing, "")
    with pytest.raises(ValueError, match="wrk did not say"):
        wrk_parse(text)


def test_it_counts_other_statuses_of_the_own_loop_as_failures() -> None:
    said = {"per_second": 900.5, "p50_ms": 1.0, "p99_ms": 2.0, "statuses": {"200": 7, "304": 2, "503": 4}, "failed": 1}
    assert _own_parse(json.dumps(said)) == Polled(900.5, 1.0, 2.0, failed=5)


def test_it_shows_the_median_run_beside_the_bare_view() -> None:
    def runs(*rates: float) -> list[tuple[Polled, float]]:
        return [(Polled(rate, 1.0, 2.0, failed=0), 3.0) for rate in rates]

    shown = section({BARE: runs(900, 1000, 2000), "/config, 200": runs(450, 500, 90)}, body=b"{}", about="granian")
    assert [row[2] for row in shown.rows] == ["1000", "450"]
    assert [row[4] for row in shown.rows] == ["1.00", "0.45"]
    assert shown.notes[-1] == "No request failed."
