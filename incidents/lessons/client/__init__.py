"""The CI client. Written in modules and served as one file: a build downloads it and needs nothing else."""

import ast
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
# From the bottom up; the last one has the docstring, the commands and the end.
_MODULES = ("exits", "readers", "commits", "runs", "console", "readiness_client")


@cache
def client_source() -> str:
    """The modules as one: the last one's head, all their imports but those of each other, then their bodies."""
    sources = [(_HERE / f"{name}.py").read_text() for name in _MODULES]
    head = sources[-1][: sources[-1].index("import argparse")]
    imports: set[str] = set()
    bodies = []
    for source in sources:
        lines = source.splitlines()
        imported = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
        for node in imported:
            ours = isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("incidents.", "__future__"))
            imports.update([] if ours else lines[node.lineno - 1 : node.end_lineno])
        bodies.append("\n".join(lines[imported[-1].end_lineno :]).strip())
    return head + "\n".join(sorted(imports)) + "\n\n" + "\n\n\n".join(bodies) + "\n"
