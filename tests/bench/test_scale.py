"""Filling an installation, asking two of them in turns, and the table of what the answers cost."""

from datetime import date

import psycopg
import pytest
from django.db import connection

from tests.bench import scale
from tests.bench.fill import DAYS, Template, _lines, fill
from tests.console import Console


def test_it_puts_what_differs_into_its_column() -> None:
    template = Template(b"7\t%b\t%b\t100%%\t%b\t%b\n", (2, 0, 3, 1))
    lines = list(_lines([template], date(2026, 11, 21), range(4, 6), 3600.5))
    assert [len(line.split(b"\t")) for line in lines] == [6, 6]
    project, correlation, error_id, text, created, stamp = lines[0].rstrip(b"\n").split(b"\t")
    assert (project, text) == (b"7", b"100%")
    assert correlation == b"20261121" + b"1".rjust(24, b"0")
    assert error_id.startswith(b"err_")
    assert len(error_id) == 36
    assert created == stamp == b"2026-11-21 04:00:02.000000+00"
    assert lines[1].split(b"\t")[1] == correlation
    assert lines[1].split(b"\t")[2] != error_id


@pytest.mark.postgres_only
def test_it_counts_what_it_copies(fresh_console: Console) -> None:
    with fresh_console.tables():
        settings = connection.settings_dict
        url = f"host={settings['HOST']} user=postgres dbname={settings['NAME']}"
    filled = fill(fresh_console, url, events=900, incidents=7)
    assert filled.copied == 900
    with psycopg.connect(url, autocommit=True) as looking:

        def value(sql: str) -> int:
            row = looking.execute(sql.encode()).fetchone()
            assert row is not None
            return int(row[0])

        events = value("SELECT count(*) FROM infra_error_events")
        assert events >= 900 + 7
        assert value("SELECT count(*) FROM infra_error_events_rest") == 0
        assert value("SELECT count(*) FROM infra_error_ids") == events
        assert value("SELECT sum(events) FROM infra_error_rollups") == events
        assert value("SELECT sum(occurrences) FROM triage_incident") == events
        assert value("SELECT sum(occurrences) FROM triage_incident_hour") == events
        assert value("SELECT sum(occurrences) FROM triage_incident_release") == events
        assert value("SELECT count(DISTINCT created_at::date) FROM infra_error_events") == DAYS
        some = filled.correlations[0]
        assert value(f"SELECT count(*) FROM infra_error_events WHERE correlation_id = '{some}'") >= 2


def test_it_signs_in(console: Console) -> None:
    person, stranger = scale.Browser(console.port, scale.signed_in(console)), scale.Browser(console.port, {})
    assert person.get("/incidents/")[0] == 200
    assert stranger.get("/incidents/")[0] == 302
    with pytest.raises(AssertionError, match="was answered 302"):
        stranger.seconds("/incidents/")
    person.close()
    stranger.close()


def test_it_asks_both_as_often_and_in_turns() -> None:
    asked: list[tuple[str, int]] = []

    def ask(name: str, seconds: float) -> scale.Ask:
        def answer(number: int) -> float:
            asked.append((name, number))
            return seconds

        return answer

    met = scale.ask_in_turns("page", ask("small", 0.2), ask("large", 0.3), rounds=2, samples=4)
    assert met.rounds == [(0.2, 0.3), (0.2, 0.3)]
    assert asked[-4:] == [("large", 16), ("small", 16), ("small", 17), ("large", 17)]
    assert [number for name, number in asked if name == "small"] == list(range(18))


def test_it_shows_how_many_times_as_much_the_large_one_costs() -> None:
    met = [
        scale.Measured("stored", [(600.0, 500.0), (500.0, 500.0), (550.0, 500.0)], 3.0, rate=True),
        scale.Measured("page", [(0.010, 0.012), (0.010, 0.010), (0.010, 0.011)], 3.0),
    ]
    shown = scale.section(met, sizes=(50_000, 2_000_000), incidents=2_000, rate=1e5, about="3 rounds")
    assert shown.columns[1:3] == ("at 50,000 events", "at 2,000,000 events")
    assert shown.rows == [
        ["stored", "550/s", "500/s", "1.10×", "1.00 to 1.20", "3 %"],
        ["page", "10.0 ms", "11.0 ms", "1.10×", "1.00 to 1.20", "3 %"],
    ]
