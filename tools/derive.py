"""Renew the files that are derived from others; the tests fail where one has drifted."""

from __future__ import annotations

import tomllib
from pathlib import Path

import adoption_traps
import nbformat

from customer_value.intake import dictionary

ROOT = Path(__file__).resolve().parents[1]


def environment_yml(root: Path = ROOT) -> str:
    """The conda environment: Python, make and Quarto from conda, everything else from the lock."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    python = project["requires-python"]
    return (
        "# Derived from pyproject.toml by `make docs`; every Python package is pinned in requirements.lock.\n"
        "name: customer-value-report\n"
        "channels:\n"
        "  - conda-forge\n"
        "dependencies:\n"
        f"  - python {python}\n"
        "  - make\n"
        "  - pip\n"
        "  - quarto >=1.9\n"
        "  - pip:\n"
        "      - --require-hashes\n"
        "      - -r requirements.lock\n"
    )


def without_outputs(path: Path) -> str:
    """The notebook as it is stored: no outputs, no counts, no passing metadata."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return nbformat.writes(notebook) + "\n"


def derived(root: Path = ROOT) -> dict[Path, str]:
    """Every derived file with the content that it should have."""
    notebooks = {path: without_outputs(path) for path in sorted((root / "notebooks").glob("*.ipynb"))}
    return {
        root / "data" / "README.md": dictionary.markdown(),
        root / "environment.yml": environment_yml(root),
        **adoption_traps.derived(root),
        **notebooks,
    }


if __name__ == "__main__":
    for target, content in derived().items():
        if not target.is_file() or target.read_text(encoding="utf-8") != content:
            target.write_text(content, encoding="utf-8")
            print(f"renewed {target.relative_to(ROOT)}")
