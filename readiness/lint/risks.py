"""The register of locked risks (requirements 131-136): a row is LOCKED while what holds it is found to hold, else OPEN.

Nobody types the word in. A row names the documents that govern it (136), and opens when one of them is gone.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from readiness.infra.envelope import LAYERS, ErrorClass, ErrorEnvelope, ErrorSeverity
from readiness.lint.sources import SourceFile

# The table of requirements 126-130 as the document has it: written out again, for the one in use is held against it.
FORBIDDEN_FAMILIES = {"L2": "domain", "L3": "domain", "L4": "infra", "L5": "domain", "L6": "domain"}
# Whoever answers or shows something: an envelope never gets there (131, 132), nor into a product's contract (133, 134).
_OUTWARD = frozenset({"api", "ingest", "views", "admin", "forms", "filters", "templatetags"})


@dataclass(frozen=True)
class Risk:
    """`governed_by`: documents, relative to the checkout; `open_because` is empty while it is locked."""

    number: int
    title: str
    governed_by: Sequence[str]
    open_because: Sequence[str] = ()

    @property
    def status(self) -> str:
        return "OPEN" if self.open_because else "LOCKED"

    def __str__(self) -> str:
        return f"Risk {self.number}: {self.title} — {self.status} ({', '.join(self.governed_by)})"


def risks_check(root: Path, sources: Iterable[SourceFile]) -> list[Risk]:
    """Every row of the register, checked now."""
    drift = (
        "readiness/infra/envelope.py",
        "incidents/errors/services/classifying.py",
        "templates/errors/taxonomy.html",
    )
    leak = ("readiness/infra/envelope.py", "incidents/errors/adapters.py", "pyproject.toml")
    return [
        Risk(1, "Error Classification Drift", drift, [*_missing(root, drift), *_drifted()]),
        Risk(2, "Product API Leak", leak, [*_missing(root, leak), *_leaks(sources)]),
    ]


def _missing(root: Path, documents: Iterable[str]) -> Iterator[str]:
    return (f"{document} is gone" for document in documents if not (root / document).is_file())


def _drifted() -> Iterator[str]:
    """Each pair of layer and class that an envelope takes and should not, or refuses and should take."""
    for layer in LAYERS:
        for error_class in ErrorClass:
            wanted = error_class.family != FORBIDDEN_FAMILIES[layer]
            if _may(layer, error_class) != wanted:
                yield f"{layer} {'may not' if wanted else 'may'} emit {error_class.value}, against the table"


def _may(layer: str, error_class: ErrorClass) -> bool:
    try:
        ErrorEnvelope.create(
            layer=layer, component="readiness.lint", error_class=error_class, severity=ErrorSeverity.INFO, message="?"
        )
    except ValueError:
        return False
    return True


def _leaks(sources: Iterable[SourceFile]) -> Iterator[str]:
    for source in sources:
        if _OUTWARD.isdisjoint(source.path.removesuffix(".py").split("/")):
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ImportFrom) and any(name.name == "ErrorEnvelope" for name in node.names):
                yield f"{source.path}:{node.lineno} imports ErrorEnvelope, which is infrastructure only"
