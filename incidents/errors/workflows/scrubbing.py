"""What founders decide about scrubbing: rules, tried before they are saved, and raw input that a project keeps.

Capture asks `capture_rules` for each error: remembered in the process, so that a change made anywhere takes effect in
every process within two seconds, and compiled once, so that it costs nothing where there are none.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction

from incidents.errors.models import CaptureSettings, ScrubRule
from incidents.errors.services.class_rules import ClassRules
from incidents.errors.services.kept_fields import kept_fields_read
from incidents.errors.services.scrub_rules import (
    MAX_RULES,
    NO_RULES,
    CaptureRules,
    Rule,
    RuleBroken,
    rule_compile,
    rules_compile,
    rules_fit,
)
from incidents.errors.services.scrub_trials import Trial, rule_try, sample_left
from incidents.errors.store import limits as limits_store
from incidents.errors.store import scrubbing as store
from incidents.errors.store.class_rules import class_rules_active
from readiness.infra.actor import Actor
from readiness.infra.refusals import Conflict, FieldError, Invalid, NotFound, Unavailable
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.tenants.services.recent import RecentAnswers

log = logging.getLogger(__name__)

RULES_SECONDS = 0.9  # and as much again while another thread is asking: under two seconds in all
MAX_SAMPLE = 10_000
TRIED_ON = 20
_remembered: RecentAnswers[int, CaptureRules] = RecentAnswers(seconds=RULES_SECONDS, size=4096)
_compiled: dict[tuple[Any, ...], CaptureRules] = {}


# --- what capture asks ------------------------------------------------------------------------------------------------


def capture_rules(project_id: int) -> CaptureRules:
    """The rules that hold for a project now, remembered for a moment. Raises Unavailable: nothing is captured without
    the rules that founders made.
    """
    return _remembered.get(project_id, lambda: _rules_ask(project_id)) or NO_RULES


def _rules_ask(project_id: int) -> CaptureRules:
    try:
        return capture_rules_read(project_id=project_id)
    except (OperationalError, InterfaceError):
        connection.close()  # a lost connection is opened again once
    try:
        return capture_rules_read(project_id=project_id)
    except (OperationalError, InterfaceError) as down:
        log.error("the scrubbing rules of project %s could not be read: %s", project_id, down)
        raise Unavailable(
            "The database cannot be reached; nothing is lost if you send it again.", headers={"Retry-After": "5"}
        ) from down


@transactional(TransactionIntent.READ_ONLY)
def capture_rules_read(session: Session, *, project_id: int) -> CaptureRules:
    """The same, asking the database."""
    rules = store.rules_active(project_id)
    kept_fields, keep_ip = store.raw_input_settings(project_id)
    types, places = class_rules_active(project_id)
    if not rules and not kept_fields and not keep_ip and not types and not places:
        return NO_RULES
    what = (tuple(rules), tuple(kept_fields), keep_ip, tuple(types), tuple(places))
    if what not in _compiled:
        if len(_compiled) > 256:
            _compiled.clear()
        compiled, quick = rules_compile(rules, keep_ip=keep_ip)
        kept = kept_fields_read(kept_fields, lenient=True)
        classes = ClassRules(types=types, places=places)
        _compiled[what] = CaptureRules(rules=compiled, kept=kept, quick=quick, classes=classes)
    return _compiled[what]


def capture_rules_forget_recent() -> None:
    """Ask afresh in this process: after a change that it made itself."""
    _remembered.forget_all()


# --- rules ------------------------------------------------------------------------------------------------------------


@transactional(TransactionIntent.ATOMIC_WRITE)
def scrub_rule_save(
    session: Session,
    *,
    rule_id: int | None,
    project_id: int,
    name: str,
    target: str,
    pattern: str,
    sample: str,
    active: bool,
    actor: Actor,
) -> ScrubRule:
    """Add a rule (without an id) or change one; `project_id` 0 stands for every project. Of the sample only what the
    rule leaves is kept. Raises Invalid, NotFound, and Conflict past MAX_RULES active rules.
    """
    rule = Rule(target, pattern)
    others = _checked(rule, sample, rule_id, project_id)
    if active and store.rules_count(project_id, but=rule_id) >= MAX_RULES:
        raise Conflict(f"There are {MAX_RULES} active rules already; make one of several, or switch one off.")
    if active and not rules_fit([*others, rule]):
        detail = f"With the {len(others)} other active rules it is too large; shorten repetitions such as {{1000}}."
        raise Invalid(f"This rule cannot be saved. {detail}", errors=[FieldError("/pattern", detail)])
    _, keep_ip = store.raw_input_settings(project_id)
    left = sample_left(rule=rule, sample=sample, keep_ip=keep_ip)
    values = {"project_id": project_id, "name": name, "target": target, "pattern": pattern, "sample": left}
    saved = store.rule_put(rule_id=rule_id, values={**values, "active": active})
    if saved is None:
        raise NotFound("This rule is gone; somebody else deleted it. Add it anew if it is still needed.")
    transaction.on_commit(capture_rules_forget_recent)
    log.info("scrubbing rule saved", extra={"rule": saved.pk, "project": project_id, "actor": actor.name})
    return saved


@transactional(TransactionIntent.ATOMIC_WRITE)
def scrub_rule_delete(session: Session, *, rule_id: int, actor: Actor) -> None:
    """Forget a rule; what it took out of stored errors is gone for good. Raises NotFound."""
    if not store.rule_delete(rule_id):
        raise NotFound("This rule is gone already.")
    transaction.on_commit(capture_rules_forget_recent)
    log.info("scrubbing rule deleted", extra={"rule": rule_id, "actor": actor.name})


@transactional(TransactionIntent.READ_ONLY)
def scrub_rule_try(
    session: Session, *, rule_id: int | None, project_id: int, target: str, pattern: str, sample: str
) -> Trial:
    """What the rule would remove, alone and with all that are active, from the sample and from the project's TRIED_ON
    newest stored errors (of all projects for 0); nothing is saved. `rule_id`: of the rule that it replaces. Raises
    Invalid.
    """
    rule = Rule(target, pattern)
    others = _checked(rule, sample, rule_id, project_id)
    _, keep_ip = store.raw_input_settings(project_id)
    errors = store.recent_events(project_id=project_id, limit=TRIED_ON)
    return rule_try(rule=rule, others=others, sample=sample, errors=errors, keep_ip=keep_ip)


def _checked(rule: Rule, sample: str, rule_id: int | None, project_id: int) -> list[Rule]:
    """The other active rules of a rule that can be read. Raises Invalid."""
    try:
        rule_compile(rule)
    except RuleBroken as broken:
        raise Invalid(f"This rule cannot be used. {broken}", errors=[FieldError("/pattern", str(broken))]) from broken
    if len(sample) > MAX_SAMPLE:
        detail = f"A sample has at most {MAX_SAMPLE:,} characters; this one has {len(sample):,}."
        raise Invalid("This rule cannot be used; its sample is too long.", errors=[FieldError("/sample", detail)])
    return store.rules_active(project_id, but=rule_id)


# --- capture settings -------------------------------------------------------------------------------------------------


@transactional(TransactionIntent.ATOMIC_WRITE)
def raw_input_set(
    session: Session, *, project_id: int, kept_fields: Sequence[str], keep_ip: bool, actor: Actor
) -> CaptureSettings:
    """Say which raw input of a project (0: of every project) is kept, scrubbed, instead of hashed and dropped, and
    whether addresses stay. Raises Invalid with a pointer to what names no field.
    """
    names = list(dict.fromkeys(name.strip() for name in kept_fields if name.strip()))
    kept_fields_read(names)
    values: Mapping[str, object] = {"kept_fields": names, "keep_ip": keep_ip}
    row = limits_store.capture_settings_put(project_id=project_id, values=values)
    transaction.on_commit(capture_rules_forget_recent)
    log.info("raw input settings saved", extra={"project": project_id, "actor": actor.name, "fields": len(names)})
    return row
