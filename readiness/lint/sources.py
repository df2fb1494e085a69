"""The first-party source files, read and parsed once for every rule that looks at them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PACKAGES = ("readiness", "incidents", "flags")


@dataclass(frozen=True)
class SourceFile:
    """One Python file: `path` relative to the checkout with forward slashes, `module` its dotted name."""

    path: str
    text: str

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def layer(self) -> str:
        """The name under its subject, a file's or a folder's: `workflows`, `store`, `services`, …"""
        parts = self.path.removesuffix(".py").split("/")
        depth = 1 if parts[0] == "flags" else 2
        return parts[min(depth, len(parts) - 1)]

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def docstrings(self) -> frozenset[int]:
        """The ids of the nodes that are docstrings: prose, which no rule about strings means."""
        return frozenset(
            id(node.body[0].value)
            for node in ast.walk(self.tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and node.body
            and isinstance(node.body[0], ast.Expr)
        )


def python_files(root: Path, *folders: str) -> Iterator[SourceFile]:
    """The Python files under `folders` (by default the first-party packages), in path order."""
    for folder in folders or PACKAGES:
        for path in sorted((root / folder).rglob("*.py")):
            yield SourceFile(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))


def call_name(node: ast.Call) -> str:
    """The last name of what is called: `create` for `Model.objects.create(…)`, `f` for `f(…)`, else empty."""
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""
