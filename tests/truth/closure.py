"""The source files that an experiment rests on, and their fingerprint: it tells which results are stale."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import customer_value
from customer_value.report import provenance
from experiment import Experiment

HERE = Path(__file__).resolve().parent
LIBRARY = Path(customer_value.__file__).resolve().parent


@cache
def fingerprint(experiment: Experiment) -> str:
    """Of the experiment's module and of everything of ours that it imports, in turn; 12 letters."""
    world = getattr(experiment.world, "func", experiment.world)
    files = sources(HERE / f"{world.__module__.replace('.', '/')}.py")
    parts = [part for path in sorted(files) for part in (path.name, provenance.of_file(path))]
    return provenance.digest(*parts)[:12]


@cache
def sources(path: Path) -> frozenset[Path]:
    """This file and the files of ours that it imports, directly or through others."""
    found, waiting = set(), [path]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imported(file)
    return frozenset(found)


def _imported(path: Path) -> list[Path]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(path, node)
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return [file for name in names for file in _files(name)]


def _absolute(path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = path.parents[node.level - 1].relative_to(LIBRARY.parent).parts
    return ".".join([*package, *([node.module] if node.module else [])])


def _files(name: str) -> list[Path]:
    """The file of a dotted name of ours and those of the packages around it; nothing for other names."""
    parts = name.split(".")
    root = LIBRARY.parent if parts[0] == LIBRARY.name else HERE
    around = [root.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return [file for file in (*around, root.joinpath(*parts).with_suffix(".py")) if file.is_file()]
