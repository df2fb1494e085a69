"""Every page of the console, with data in every state, in Chromium: axe finds nothing in light, in dark and on a phone,
nothing scrolls sideways, and no page logs an error or breaks the Content-Security-Policy.

The pages are those of readiness.urls: one that gets no sample here fails the test, so none is forgotten.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.urls import URLPattern
from playwright.sync_api import Page

from incidents.lessons.models import Control
from incidents.lessons.workflows import incident_waive, lesson_write
from incidents.lessons.workflows.playbook import proposal_accept, proposal_make
from incidents.triage.models import Incident, IncidentMerge
from incidents.triage.workflows import incident_merge
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from readiness.middleware import MACHINE_PREFIXES
from readiness.urls import urlpatterns
from tests.browser import OpenPage, sign_in
from tests.console import Console
from tests.factories import ANYBODY, a_control, a_proven_control, a_root_cause, an_event, an_incident

pytestmark = pytest.mark.postgres_only  # where pages are shown on SQLite, they are looked at on PostgreSQL here
MARKUP = "<script>alert('it')</script> " + "x" * 90
HOSTILE = f"{MARKUP} \u202e mirrored"
TRACE = "c" * 32
OTHERS = {"client", "playbook-file", "flag-apart"}  # files, and a form that only leads to a page
BOB = Actor(kind="person", name="Bob")
_AXE = """async (rules) => {
  const options = {resultTypes: ["violations"], ...(rules.length ? {runOnly: {type: "rule", values: rules}} : {})};
  const found = (await axe.run(document, options)).violations;
  const told = (rule) => (node) => `${rule.id}: ${rule.help}: ${node.target} ${node.html.slice(0, 160)}`;
  return found.flatMap((rule) => rule.nodes.map(told(rule)));
}"""


def an_incident_of(project_id: int, name: str, **own: Any) -> Incident:
    raised = {"type": "TimeoutError", "value": name, "stacktrace": an_event()["exception"]["values"][0]["stacktrace"]}
    return an_incident(
        project_id=project_id, fingerprint=[name], exception={"values": [raised]}, incident=own,
        contexts={"trace": {"trace_id": TRACE, "span_id": "b" * 16}}, tags={"region": "eu"},
        breadcrumbs={"values": [{"message": HOSTILE, "category": "http", "timestamp": utcnow().isoformat()}]},
        user={"id": "7", "username": HOSTILE},
    )  # fmt: skip


def furnish(project_id: int) -> tuple[list[str], list[str], int]:
    """Incidents and controls in every state there is, and a merge; their numbers."""
    now, hour = utcnow(), timedelta(hours=1)
    incidents = [
        an_incident_of(project_id, f"{status} and waiting", status=status, priority=priority)
        for status, priority in zip(Incident.Status.values[:6], ("P0", "P1", "P2", "P3", "P1", "P2"), strict=True)
    ]
    incidents += [
        an_incident_of(project_id, HOSTILE, title=HOSTILE, component=HOSTILE[:60], owner=f"{'o' * 60}@example.test"),
        an_incident_of(project_id, "came back under a public key", status="recurred", recurrences=2, recurred_at=now,
                       recurrence_confirmed=False, priority_confirmed=True),
        an_incident_of(project_id, "a sample", synthetic=True),
        an_incident_of(project_id, "diagnosed late", detected_at=now - 9 * hour),
    ]  # fmt: skip
    late = incidents[-1]
    a_root_cause(incident=late, text=HOSTILE, contributing_factors=[HOSTILE], broken_commits=["b" * 40])
    lesson_write(incident_id=late.pk, believed=HOSTILE, was_true=HOSTILE, do_now=HOSTILE, actor=ANYBODY)
    waived = an_incident_of(project_id, "waived", priority="P2")
    incident_waive(
        incident_id=waived.pk, reason="The vendor mends it.", expires_at=now + 72 * hour, actor=ANYBODY, role="founder"
    )
    incidents.append(waived)
    controls = [a_control(incident=late, title=HOSTILE[:200], kind="playbook", command="", check_first=HOSTILE)]
    for state in Control.State.values:
        one = a_proven_control(incident=an_incident_of(project_id, f"with a control that is {state}"))
        with atomic_write():
            Control.objects.filter(pk=one.pk).update(state=state, state_reason=f"It is {state}.")
        controls.append(one)
    for text in ("Is the gateway up?", "Is the gateway up at all?"):
        edit = proposal_make(
            actor=ANYBODY, error_class="infra.timeout", title=MARKUP, why=MARKUP, check_first=[text, MARKUP],
            base_version=int("all" in text),
        )  # fmt: skip
        proposal_accept(proposal_id=edit.pk, actor=BOB)
    proposal_make(
        actor=ANYBODY, error_class="infra.timeout", title="Gateways", why="Again", check_first=["Who?"], base_version=2
    )
    taken = an_incident_of(project_id, "merged into another")
    incident_merge(source_ids=[taken.pk], target_id=incidents[1].pk, actor=ANYBODY)
    merge = IncidentMerge.objects.get(source=taken).pk
    return [incident.public_id for incident in incidents], [control.public_id for control in controls], merge


def samples(incidents: Sequence[str], controls: Sequence[str], merge: int) -> Mapping[str, Sequence[str]]:
    """The addresses that are looked at, by the name of their pattern; a POST-only one has none."""
    program = "/programs/phase-1-exit/"
    return {
        "login": ["/login/"],
        "home": ["/"],
        "password_change": ["/password/"],
        "connect": ["/connect/"],
        "taxonomy": ["/taxonomy/"],
        "preflight": ["/preflight/"],
        "flag-list": ["/flags/"],
        "flag": ["/flags/syncEnabled/"],
        "flag-switch": ["/flags/syncEnabled/kill/"],
        "incident-list": ["/incidents/?state=all", "/incidents/?q=nothing+like+it"],
        "incident-merge": [f"/incidents/merge/?incident={incidents[0]}"],
        "incident-grouping": [f"/incidents/{incidents[0]}/grouping/"],
        "incident-split": [f"/incidents/{incidents[0]}/split/"],
        "incident-unmerge": [f"/incidents/merges/{merge}/undo/"],
        "incident-life": [f"/incidents/{name}/life/" for name in incidents[:6:2]],
        "incident-timeline": [f"/incidents/{incidents[9]}/timeline/"],
        "post-mortem": [f"/incidents/{incidents[0]}/post-mortem/"],
        "incident-written": [f"/incidents/{incidents[9]}/written/"],
        "correlation-search": ["/correlations/"],
        "correlation": [f"/correlations/{TRACE}/"],
        "incident": [f"/incidents/{name}/" for name in incidents],
        "control": [f"/controls/{name}/" for name in controls],
        "lesson-list": ["/lessons/", "/lessons/?q=nothing+like+it"],
        "playbook": ["/playbook/", "/playbook/?q=gateway"],
        "playbook-proposals": ["/playbook/proposals/", "/playbook/proposals/?state=accepted"],
        "playbook-propose": ["/playbook/proposals/new/"],
        "playbook-proposal": ["/playbook/proposals/1/", "/playbook/proposals/3/"],
        "playbook-versions": ["/playbook/versions/"],
        "playbook-versions-asked": ["/playbook/versions/compare/?older=v0.1&newer=v0.2"],
        "playbook-compare": ["/playbook/versions/v0.1..v0.2/"],
        "playbook-section": ["/playbook/1/"],
        "playbook-section-compare": ["/playbook/1/1..2/"],
        "operations": ["/operations/"],
        "notifications": ["/operations/notifications/"],
        "program-list": ["/programs/"],
        "program": [program],
        "program-gate": [f"{program}gates/G6/"],
        "program-score": [f"{program}rubric/reliability/"],
        "program-evidence": [f"{program}evidence/"],
        "program-history": [f"{program}history/"],
    }


def patterns() -> Iterator[tuple[str, str]]:
    """(name, an address of it with made-up parts) of every page; what machines ask and files are none."""
    for pattern in urlpatterns:
        if isinstance(pattern, URLPattern) and pattern.name and pattern.name not in OTHERS:
            address = "/" + str(pattern.pattern)
            for name, converter in pattern.pattern.converters.items():
                kind = next(part for part in address.split("<") if part.partition(">")[0].endswith(f":{name}"))
                made_up = "1" if "int" in type(converter).__name__.lower() or "project" in kind else "x"
                address = address.replace(f"<{kind.partition('>')[0]}>", made_up)
            if not address.startswith(MACHINE_PREFIXES):
                yield pattern.name, address


def wrongs(page: Page, path: str) -> list[str]:
    """What is wrong with one page: everything in light, the colours again in dark, width and targets on a phone."""
    answer = page.goto(path)
    assert answer is not None
    if answer.status != 200:
        return [f"answered {answer.status}"]
    found = [f"light: {text}" for text in page.evaluate(_AXE, [])]
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {text}" for text in page.evaluate(_AXE, ["color-contrast"])]
    page.set_viewport_size({"width": 390, "height": 800})
    found += [f"390 px: {text}" for text in page.evaluate(_AXE, ["scrollable-region-focusable", "target-size"])]
    if (width := page.evaluate("document.documentElement.scrollWidth")) > 390:
        found.append(f"390 px: it is {width} px wide")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    return found


def test_every_page_is_sound_in_every_state(console: Console, open_page: OpenPage) -> None:
    console.manage("import_program", "phase-1-exit", "--example")
    project_id = console.demo["project_id"]
    with console.tables():
        shown = samples(*furnish(project_id))
    page = open_page(console)
    page.context.add_init_script(AXE_SCRIPT)
    found = {"/login/": wrongs(page, "/login/")}
    sign_in(page)
    forgotten = []
    for name, address in patterns():
        if name not in shown and page.request.get(address, max_redirects=0).status != 405:
            forgotten.append(f"{name} ({address}) is no POST: give it a sample")
        found.update({path: wrongs(page, path) for path in shown.get(name, ()) if path != "/login/"})
    assert forgotten == []
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    assert set(shown) <= {name for name, _ in patterns()}, "a sample's pattern is gone"
