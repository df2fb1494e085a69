"""Class and layer of what an SDK sends: rules over exception types, and the lockdown of layers (126-130) kept.

An SDK knows no layers. Its tag `layer` is taken when it fits the class; else a domain class is L4's, a worker's error
L5's, a request's L2's, and what is left is the platform's (infra) or the domain layer's (system).
"""

from dataclasses import dataclass
from functools import lru_cache

from readiness.infra.envelope import ALLOWED_FAMILIES, ErrorClass, ErrorSeverity

# First match wins; a rule matches when one of its words is part of the exception type's last name, lower-cased.
_RULES: tuple[tuple[tuple[str, ...], ErrorClass], ...] = (
    (("timeout", "timedout", "timelimitexceeded", "deadlineexceeded"), ErrorClass.INFRA_TIMEOUT),
    (("budget", "quotaexceeded", "insufficientfunds"), ErrorClass.DOMAIN_BUDGET_EXCEEDED),
    (("permissiondenied", "forbidden", "notauthorized", "unauthorized", "authenticationfailed"),
     ErrorClass.DOMAIN_AUTHORIZATION),
    (("validationerror", "validationfailed", "invalidinput"), ErrorClass.DOMAIN_VALIDATION),
    (("operationalerror", "interfaceerror", "databaseerror", "integrityerror", "programmingerror", "dataerror",
      "deadlock", "uniqueviolation", "sqlalchemyerror"), ErrorClass.INFRA_DATABASE),
    (("connectionerror", "connectionrefused", "connectionreset", "connectionaborted", "brokenpipe", "gaierror",
      "networkerror", "sslerror", "remotedisconnected", "econnrefused", "econnreset", "socketerror"),
     ErrorClass.INFRA_NETWORK),
    (("amqperror", "brokererror", "kombu", "queue"), ErrorClass.INFRA_QUEUE),
    (("filenotfound", "isadirectory", "filexists", "nosuchbucket", "nosuchkey", "ioerror"), ErrorClass.INFRA_STORAGE),
    (("memoryerror", "outofmemory", "resourceexhausted", "toomanyopenfiles"), ErrorClass.INFRA_RESOURCE),
    (("httperror", "badgateway", "serviceunavailable", "apierror", "jsondecodeerror"), ErrorClass.INFRA_DEPENDENCY),
    (("improperlyconfigured", "importerror", "modulenotfound", "configurationerror"), ErrorClass.SYSTEM_CONFIGURATION),
    (("suspiciousoperation", "badsignature", "disallowedhost", "csrf"), ErrorClass.SYSTEM_SECURITY),
    (("doesnotexist", "notfound"), ErrorClass.DOMAIN_NOT_FOUND),
    (("conflict", "stale"), ErrorClass.DOMAIN_CONFLICT),
    (("corrupt", "checksum"), ErrorClass.SYSTEM_CORRUPTION),
    (("typeerror", "attributeerror", "keyerror", "indexerror", "nameerror", "unboundlocalerror", "zerodivisionerror",
      "assertionerror", "recursionerror", "valueerror", "unicode", "referenceerror", "rangeerror", "syntaxerror",
      "notimplemented", "overflowerror", "runtimeerror", "nullpointer", "illegalstate", "illegalargument"),
     ErrorClass.SYSTEM_BUG),
)  # fmt: skip

_LEVELS = {
    "fatal": ErrorSeverity.CRITICAL,
    "critical": ErrorSeverity.CRITICAL,
    "error": ErrorSeverity.ERROR,
    "warning": ErrorSeverity.WARNING,
    "warn": ErrorSeverity.WARNING,
    "info": ErrorSeverity.INFO,
    "log": ErrorSeverity.INFO,
    "debug": ErrorSeverity.DEBUG,
}


@dataclass(frozen=True, slots=True)
class Classification:
    layer: str
    error_class: ErrorClass


def severity_of_level(level: str | None) -> ErrorSeverity:
    """The severity of a Sentry level; unknown and missing ones are errors, as the protocol has it."""
    return _LEVELS.get((level or "error").lower(), ErrorSeverity.ERROR)


@lru_cache(maxsize=4096)
def error_class_of_exception(exception_type: str | None) -> ErrorClass:
    """The class of an exception type (`requests.exceptions.ReadTimeout` → infra.timeout), by its last name."""
    name = (exception_type or "").rsplit(".", 1)[-1].lower()
    for words, error_class in _RULES if name else ():
        if any(word in name for word in words):
            return error_class
    return ErrorClass.SYSTEM_UNCLASSIFIED


def sentry_classify(
    *, exception_type: str | None, tagged_class: str | None, tagged_layer: str | None, in_request: bool, in_worker: bool
) -> Classification:
    """Class and layer of an SDK's event; the layer always may speak of the class."""
    try:
        error_class = ErrorClass(tagged_class) if tagged_class else error_class_of_exception(exception_type)
    except ValueError:
        error_class = error_class_of_exception(exception_type)
    family = error_class.family
    if tagged_layer and family in ALLOWED_FAMILIES.get(tagged_layer, frozenset()):
        return Classification(tagged_layer, error_class)
    if family == "domain":
        return Classification("L4", error_class)
    if in_worker:
        return Classification("L5", error_class)
    if in_request:
        return Classification("L2", error_class)
    return Classification("L6" if family == "infra" else "L4", error_class)
