"""Class and layer of what comes without them: founders' rules, then built-in ones, the lockdown (126-130) kept.

The class of an SDK's event is its tag `error_class` where that is one, else that of the founders' first rule for its
exception type (services.class_rules), else of the built-in rules below. An SDK knows no layers: its tag `layer` is
taken, else the founders' first rule for its component, else what its door could tell, each only if it may speak of the
class; else a domain class is L4's, a worker's error L5's, a request's L2's, and what is left is the platform's (infra)
or the domain layer's (system). So in an SDK's event the layer gives way. The console knows its own layers and guesses
its classes: there the class gives way. A native envelope says both, and is refused where they do not go together.
"""

from dataclasses import dataclass
from functools import lru_cache

from incidents.errors.services.class_rules import NO_CLASS_RULES, ClassRules
from readiness.infra.envelope import ErrorClass, ErrorSeverity, layer_may

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
    (("moneyleak", "auditrequired"), ErrorClass.SYSTEM_MONEY_LEAK),
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
    *,
    exception_type: str | None,
    tagged_class: str | None,
    tagged_layer: str | None,
    in_request: bool,
    in_worker: bool,
    module: str | None = None,
    component: str = "",
    told_layer: str | None = None,
    rules: ClassRules = NO_CLASS_RULES,
) -> Classification:
    """Class and layer of an SDK's event; the layer always may speak of the class. `module`: the exception type's;
    `told_layer`: what its door knows of it.
    """
    error_class = _tagged(tagged_class)
    if error_class is None:
        rule = rules.of_type(exception_type, module)
        error_class = rule.error_class if rule else error_class_of_exception(exception_type)
    if tagged_layer and layer_may(tagged_layer, error_class):
        return Classification(tagged_layer, error_class)
    place = rules.of_component(component)
    if place and layer_may(place.layer, error_class):
        return Classification(place.layer, error_class)
    if told_layer and layer_may(told_layer, error_class):
        return Classification(told_layer, error_class)
    if error_class.family == "domain":
        return Classification("L4", error_class)
    if in_worker:
        return Classification("L5", error_class)
    if in_request:
        return Classification("L2", error_class)
    return Classification("L6" if error_class.family == "infra" else "L4", error_class)


def console_classify(
    *, exception_type: str, module: str | None, layer: str, rules: ClassRules = NO_CLASS_RULES
) -> Classification:
    """Class of an error of the console's own, whose layer is known: a class that the layer may speak of."""
    rule = rules.of_type(exception_type, module)
    for error_class in (*([rule.error_class] if rule else []), error_class_of_exception(exception_type)):
        if layer_may(layer, error_class):
            return Classification(layer, error_class)
    return Classification(layer, ErrorClass.SYSTEM_UNCLASSIFIED)


def _tagged(tagged_class: str | None) -> ErrorClass | None:
    try:
        return ErrorClass(tagged_class) if tagged_class else None
    except ValueError:
        return None
