"""The layer report of requirement 125: import-linter's contracts (pyproject.toml), and no drawers among the names."""

from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from importlinter import configuration
from importlinter.application import use_cases
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract
from importlinter.domain.contract import registry

from readiness.lint.sources import python_files

_DRAWERS = {"utils", "util", "helpers", "helper", "common", "core", "misc", "base"}


@dataclass(frozen=True)
class LayerReport:
    """`violations` are one line each, ready to print."""

    files: int
    violations: tuple[str, ...]


def layers_check(root: Path) -> LayerReport:
    """Check the checkout at `root`. Raises ValueError when a contract itself is wrong (names a missing module)."""
    files = list(python_files(root))
    found = [
        f"{source.path} names a drawer, not a layer; say what it holds"
        for source in files
        if _DRAWERS & set(source.path.removesuffix(".py").split("/"))
    ]
    configuration.configure()
    registry.register(LayersContract, "layers")
    registry.register(ForbiddenContract, "forbidden")
    options = use_cases.read_user_options(str(root / "pyproject.toml"))
    with redirect_stdout(StringIO()):  # its progress bar
        report = use_cases.create_report(options, cache_dir=None)
    if report.invalid_contract_options:
        raise ValueError(f"pyproject.toml has a contract that cannot be read: {report.invalid_contract_options}")
    for contract, check in report.get_contracts_and_checks():
        if not check.kept:
            found += [f"{line} [{contract.name}]" for line in _lines(check.metadata)]
    return LayerReport(len(files), tuple(found))


def _lines(metadata: Mapping[str, Any]) -> Iterator[str]:
    for module in sorted(metadata.get("undeclared_modules", ())):
        yield f"{module} is no known layer; add it to its contract with the reason, or move what it holds"
    for dependency in metadata.get("invalid_dependencies", ()):
        for route in dependency["routes"]:
            yield _chain(route["chain"])
    for pair in metadata.get("invalid_chains", ()):
        yield from map(_chain, pair["chains"])


def _chain(links: list[Mapping[str, Any]]) -> str:
    steps = [f"{link['importer']}:{link['line_numbers'][0] or '?'}" for link in links]
    return " -> ".join([*steps, str(links[-1]["imported"])])
