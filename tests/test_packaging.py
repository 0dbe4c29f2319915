"""Pins, derived files and what must never be stored."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
import derive


def lock_lines(root: Path) -> list[str]:
    text = (root / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def test_every_pin_is_exact_hashed_and_names_no_address(root: Path) -> None:
    for line in lock_lines(root):
        assert re.match(r"^[a-z0-9][a-z0-9._-]*==\S+", line), line[:60]
        assert "--hash=sha256:" in line, line[:60]
        assert "://" not in line, line[:60]


def test_every_dependency_is_locked_within_its_bounds(root: Path) -> None:
    from packaging.requirements import Requirement

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [Requirement(text) for text in (*project["project"]["dependencies"], *project["dependency-groups"]["dev"])]
    pinned: dict[str, set[str]] = {}
    for line in lock_lines(root):
        name, version = re.match(r"^([a-z0-9._-]+)==([^\s;]+)", line).groups()
        pinned.setdefault(name, set()).add(version)
    for requirement in wanted:
        name = requirement.name.lower().replace("_", "-")
        assert name in pinned, f"{name} is not in the lock: make lock"
        assert all(requirement.specifier.contains(version) for version in pinned[name])


def test_the_lock_holds_for_every_supported_python(root: Path) -> None:
    """Each environment marker is true or false for a version as a whole, and every package has one pin in each."""
    from packaging.requirements import Requirement

    for minor in (11, 12, 13, 14):
        seen: set[str] = set()
        for line in lock_lines(root):
            requirement = Requirement(line.split(" --hash")[0].strip())
            environment = {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.0"}
            if requirement.marker is None or requirement.marker.evaluate(environment):
                assert requirement.name not in seen, f"{requirement.name} is pinned twice for 3.{minor}"
                seen.add(requirement.name)
        assert {"pandas", "duckdb", "papermill", "lifelines"} <= seen


def test_derived_files_have_not_drifted(root: Path) -> None:
    for path, content in derive.derived(root).items():
        assert path.read_text(encoding="utf-8") == content, f"{path.relative_to(root)} has drifted: make docs"


def test_the_conda_environment_brings_quarto_and_the_lock(root: Path) -> None:
    environment = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))
    packages = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    assert {entry.split()[0] for entry in packages} == {"python", "make", "pip", "quarto"}
    assert environment["dependencies"][-1]["pip"] == ["--require-hashes", "-r requirements.lock"]


def notebooks() -> list[Path]:
    return sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_notebooks_define_nothing_and_type_no_numbers_into_prose(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            tree = ast.parse(source)
            defined = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
            assert not defined, source
        elif cell["cell_type"] == "markdown":
            assert not re.search(r"(?<![\w-])\d", re.sub(r"\(.*?\)|`.*?`|NPS \d", "", source)), source
    assert any("parameters" in cell["metadata"].get("tags", []) for cell in cells)


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_notebooks_are_more_prose_than_code(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert len(cells) <= 40
    assert len([cell for cell in cells if cell["cell_type"] == "code"]) <= 24


def test_nothing_is_stored_that_does_not_belong(root: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        assert not name.startswith(("reports/", "data/sample")) or name == "reports/README.md", name
        path = root / name
        if path.is_file() and path.suffix in {".py", ".md", ".yml", ".toml", ".ipynb", ".lock", ""}:
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"(?:^|[\s\"'=(])/(?:work|root|home/\w+)/", text), f"{name} names a path of a machine"


def test_every_make_target_has_one_line_of_help(root: Path) -> None:
    text = (root / "Makefile").read_text(encoding="utf-8")
    declared = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE).group(1).split())
    explained = set(re.findall(r"^([a-z]+):.*## ", text, re.MULTILINE))
    assert declared == explained
    assert {"setup", "sample", "check", "report", "serve", "lab", "test", "lint", "format", "clean", "lock"} <= declared


def test_make_help_prints_every_target(root: Path) -> None:
    printed = subprocess.run(["make", "help"], cwd=root, capture_output=True, text=True, check=True).stdout
    assert "run and publish the report" in printed


def test_without_a_python_it_says_how_to_get_one(root: Path, tmp_path: Path) -> None:
    found = subprocess.run(
        ["/bin/sh", str(root / "tools" / "find-python")], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert found.returncode == 1
    assert "python3-venv" in found.stderr
    named = subprocess.run(
        ["/bin/sh", str(root / "tools" / "find-python")],
        env={"PATH": str(tmp_path), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    assert named.stdout.strip() == sys.executable


def documents() -> list[Path]:
    root = Path(__file__).resolve().parents[1]
    return [
        root / "README.md",
        root / "CHANGELOG.md",
        root / "data" / "README.md",
        *sorted((root / "docs").glob("*.md")),
    ]


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_documents_name_targets_files_and_settings_that_exist(path: Path, root: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = set(
        re.search(r"^\.PHONY: (.*)$", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[1].split()
    )
    for target in re.findall(r"`make ([a-z-]+)", text):
        assert target in targets, f"{path.name}: make {target}"
    for link in re.findall(r"\]\((?!https?://|#|…)([^)#\s]+)", text):
        if link.endswith((".md", ".yml")):
            assert (path.parent / link).exists(), f"{path.name} links to {link}"
