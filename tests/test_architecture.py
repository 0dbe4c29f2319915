"""Who may import whom, read from the imports themselves."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

MAY_IMPORT = {
    "stats": {"stats", "errors"},
    "intake": {"intake", "errors", "csv_safe"},
    "marts": {"marts", "errors"},
    "simulate": {"simulate", "errors"},
    "studies": {"stats", "marts", "errors", "intake.contract", "rules"},
    "strategy": {"strategy", "stats.result", "stats.multiplicity", "errors"},
    "figures": {"figures", "stats.result", "strategy.wording", "errors"},
    "tables": {"stats.result", "strategy.wording", "errors"},
    "csv_safe": set(),
    "rules": set(),
    "errors": set(),
    "chapter": {
        "csv_safe",
        "figures",
        "tables",
        "errors",
        "marts",
        "stats.result",
        "strategy",
        "report.prepare",
        "report.request",
        "rules",
    },
    "report": {"report", "errors", "intake", "marts", "simulate", "strategy.findings", "strategy.wording", "rules"},
    "cli": {"errors", "report"},
}
"""Package or module: what of ours it may import. `studies` must not import each other."""


def modules(root: Path) -> list[tuple[str, Path]]:
    package = root / "lib" / "customer_value"
    return [
        (path.relative_to(package).parts[0].removesuffix(".py"), path)
        for path in sorted(package.rglob("*.py"))
        if path.name != "__init__.py" or path.parent != package
    ]


def ours(path: Path) -> set[str]:
    """Dotted names below `customer_value` that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix("customer_value.") for name in found if name.startswith("customer_value.")}


def own_study(part: str, path: Path) -> set[str]:
    """The package that a study of several modules lives in: its modules import each other, never another study's."""
    return {f"studies.{path.parent.name}"} if part == "studies" and path.parent.name != "studies" else set()


def test_every_part_has_a_rule(root: Path) -> None:
    assert {part for part, _ in modules(root)} <= set(MAY_IMPORT)


def test_imports_follow_the_design(root: Path) -> None:
    wrong = [
        f"{path.relative_to(root)} imports {name}"
        for part, path in modules(root)
        for name in sorted(ours(path))
        if not any(
            name == allowed or name.startswith(f"{allowed}.") for allowed in MAY_IMPORT[part] | own_study(part, path)
        )
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("word", ["customer", "churn", "revenue", "account", "subscription", "mrr"])
def test_stats_knows_no_business_words(root: Path, word: str) -> None:
    for path in sorted((root / "lib" / "customer_value" / "stats").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = {getattr(node, "id", ""), getattr(node, "arg", ""), getattr(node, "name", "")}
            assert not any(word in (name or "").lower() for name in names), f"{path.name}: {names}"


def test_public_functions_swallow_no_unknown_options(root: Path) -> None:
    """`Result.row` and `.where` take keys, `Chapter.draw` passes a picture's own options on."""
    allowed = {"row", "where", "draw", "load"}
    for _, path in modules(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.args.kwarg and not node.name.startswith("_"):
                assert node.name in allowed, f"{path.name}: {node.name} takes **{node.args.kwarg.arg}"
