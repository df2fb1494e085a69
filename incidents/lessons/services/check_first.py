"""What to check first (requirement 58): after the playbook's entries, what follows from the incident itself."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckFirst:
    """A question, and what the console already knows about it (`answer`, may be empty)."""

    question: str
    answer: str = ""


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
    "system.security": ("Can the way in be closed now?", "Which keys must be replaced?"),
}


def check_first_suggest(
    *, error_class: str, releases: Sequence[str], environments: Sequence[str], flags_changed: Sequence[str]
) -> tuple[CheckFirst, ...]:
    """At most five questions: flags and releases around the first event, then what the class usually comes from.

    `flags_changed`: keys of flags changed in the hour before the first event. `releases`, `environments`: where it was
    seen, without empty ones.
    """
    found = [CheckFirst(question) for question in _BY_CLASS.get(error_class, ())]
    if len(releases) == 1:
        found.insert(0, CheckFirst("What changed in the one release that has it?", releases[0][:60]))
    elif not releases:
        found.append(CheckFirst("What was deployed last? Its events name no release."))
    answer = ", ".join(flags_changed[:3]) + (" …" if len(flags_changed) > 3 else "") if flags_changed else "no"
    found.insert(0, CheckFirst("Did a flag change in the hour before?", answer))
    if len(environments) == 1:
        found.append(CheckFirst("Why only in this environment?", environments[0][:60]))
    return tuple(found[:5])


def check_first_of_class(*, error_class: str) -> tuple[CheckFirst, ...]:
    """The built-in questions of a class alone: nobody of the team has reviewed them."""
    return tuple(CheckFirst(question) for question in _BY_CLASS.get(error_class, ()))
