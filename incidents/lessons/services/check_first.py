"""What to check first (requirement 58): behind the playbook's entries, what the class of an error usually comes from.

What the console knows already is answered, with what it is known from; the rest are questions to a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_QUESTIONS = 7
REPEATS = 3


@dataclass(frozen=True, slots=True)
class CheckFirst:
    """A question. `answer`: yes, no, or empty where only a person can tell; `because`: what it is known from.
    `alarming`: a yes points at the cause.
    """

    question: str
    answer: str = ""
    because: str = ""
    alarming: bool = True


@dataclass(frozen=True, slots=True)
class Known:
    """What the console knows around an incident. `flags_near`: `gatewayV2, 6 minutes before` in the hour before;
    `release_near` the same of releases that were new then; `releases` and `environments`: where it was seen, without
    empty ones; `others`: other incidents of its class or component seen in the same hour (`INC-3`); `repeats`: how
    often the same error came in a row under one correlation; `people` among `events` that name somebody.
    """

    error_class: str
    releases: Sequence[str] = ()
    environments: Sequence[str] = ()
    flags_near: Sequence[str] = ()
    release_near: Sequence[str] = ()
    others: Sequence[str] = ()
    repeats: int = 0
    people: int = 0
    events: int = 0


_BY_CLASS = {
    "infra.timeout": ("Does the service that it waited for answer in time?", "Are retries piling up behind it?"),
    "infra.network": (
        "Can the host still be reached and resolved from here?",
        "Did a certificate or a firewall change?",
    ),
    "infra.dependency": ("Is the dependency's status page green?", "Did its version or its contract change?"),
    "infra.database": ("Is the database full, locked, or out of connections?", "Did a migration run just before?"),
    "infra.storage": ("Is the disk or the bucket full, or no longer writable?",),
    "infra.queue": ("Are workers consuming, or is the queue only growing?",),
    "infra.resource": ("Did memory, disk or file handles run out?",),
    "domain.validation": ("Which input is new: whose, and through which door?",),
    "domain.authorization": ("Did a role, a key or a token change?",),
    "domain.budget_exceeded": ("Whose budget is used up, and by what?",),
    "domain.conflict": ("Do two writers meet on the same row?",),
    "system.configuration": ("Did a setting or a secret change on this machine?",),
    "system.corruption": ("Can writing be stopped until the extent is known?", "Is the last good backup at hand?"),
    "system.money_leak": (
        "Can payments be paused until the extent is known?",
        "Which receipts, reservations and settlements do not match?",
    ),
    "system.security": ("Can the way in be closed now?", "Which keys must be replaced?"),
}
_RETRIES = "Are retries piling up behind it?"


def check_first_suggest(*, known: Known) -> tuple[CheckFirst, ...]:
    """At most MAX_QUESTIONS: flags and releases around the first event, then what the class usually comes from, then
    how far it reaches.
    """
    found = [_flag(known), _release(known)]
    found += [_of_class(question, known) for question in _BY_CLASS.get(known.error_class, ())]
    if known.repeats >= REPEATS and _RETRIES not in _BY_CLASS.get(known.error_class, ()):
        found.append(_of_class(_RETRIES, known))
    found.append(_others(known))
    if known.environments:
        one = len(known.environments) == 1
        found.append(
            CheckFirst("Is it one environment only?", _word(one), _few(known.environments), alarming=False)
        )  # fmt: skip
    if known.events > 1 and known.people:
        one = known.people == 1
        found.append(
            CheckFirst("Is it one person only?", _word(one), f"{known.people} in {known.events} events", alarming=False)
        )
    return tuple(found[:MAX_QUESTIONS])


def check_first_of_class(*, error_class: str) -> tuple[CheckFirst, ...]:
    """The built-in questions of a class alone: nobody of the team has reviewed them."""
    return tuple(CheckFirst(question) for question in _BY_CLASS.get(error_class, ()))


def _flag(known: Known) -> CheckFirst:
    question = "Did a flag change in the hour before?"
    return CheckFirst(question, _word(bool(known.flags_near)), _few(known.flags_near))


def _release(known: Known) -> CheckFirst:
    if known.release_near:
        return CheckFirst("Was a release new then?", "yes", _few(known.release_near))
    if not known.releases:
        return CheckFirst("What was deployed last? Its events name no release.")
    return CheckFirst("Was a release new then?", "no", f"seen in {_few(known.releases)}")


def _of_class(question: str, known: Known) -> CheckFirst:
    if question != _RETRIES or not known.repeats:
        return CheckFirst(question)
    many = known.repeats >= REPEATS
    because = f"the same error {known.repeats} times in a row in one correlation" if many else "not in its correlation"
    return CheckFirst(question, _word(many), because)


def _others(known: Known) -> CheckFirst:
    question = "Did anything else like it break in the same hour?"
    return CheckFirst(question, _word(bool(known.others)), _few(known.others))


def _word(known: bool) -> str:
    return "yes" if known else "no"


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(name[:80] for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
