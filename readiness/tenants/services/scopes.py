"""What a key may be allowed to do, and who may hand that out."""

from collections.abc import Sequence

from readiness.infra.refusals import FieldError, Invalid

# What each lets its holder do, for people who choose.
SCOPE_MEANING = {
    "errors:write": "report errors",
    "decisions:write": "record decisions",
    "telemetry:write": "send telemetry",
    "config:read": "read flags",
    "evidence:write": "add evidence to programs",
    "controls:write": "report runs of controls",
    "alerts:write": "pass on alerts",
    "ops:read": "read incidents, verdicts and health",
    "faults:write": "inject faults",
}

# A tenant's: enough to report and to read its own flags. Onboarding makes one key for each, in this order.
TENANT_SCOPES = ("errors:write", "decisions:write", "telemetry:write", "config:read")
# The founders' own: never handed to a pilot customer by onboarding.
FOUNDER_SCOPES = ("evidence:write", "controls:write", "alerts:write", "ops:read", "faults:write")
ALL_SCOPES = TENANT_SCOPES + FOUNDER_SCOPES


def scopes_checked(*, scopes: Sequence[str], by_founder: bool) -> list[str]:
    """The scopes, each once and in the house's order. Raises Invalid for none, an unknown one, or one not to be given.

    Only a key that a founder makes (`by_founder`) may carry a founder scope, be it the installation's or a tenant's.
    """
    if not scopes:
        raise Invalid(
            f"A key needs at least one scope. Choose from: {', '.join(ALL_SCOPES)}.",
            errors=[FieldError("/scopes", "Choose at least one scope.")],
        )
    unknown = sorted(set(scopes) - set(ALL_SCOPES))
    if unknown:
        raise Invalid(
            f"There is no scope {', '.join(unknown)}. Choose from: {', '.join(ALL_SCOPES)}.",
            errors=[FieldError("/scopes", f"Unknown: {', '.join(unknown)}.")],
        )
    reserved = [scope for scope in FOUNDER_SCOPES if scope in scopes]
    if reserved and not by_founder:
        raise Invalid(
            f"Onboarding never hands out {', '.join(reserved)}; a founder makes such a key with create_key.",
            errors=[FieldError("/scopes", f"Founders only: {', '.join(reserved)}.")],
        )
    return [scope for scope in ALL_SCOPES if scope in scopes]
