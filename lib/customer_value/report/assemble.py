"""Putting what the chapters made together as one project that can be published."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat

from customer_value.report import chapters, provenance, publish
from customer_value.report.request import Request, file_hashes
from customer_value.report.settings import Chapter


def assemble(request: Request, ready: tuple[Chapter, ...], stage: Path) -> None:
    """Write the project into ``stage``: pages with their provenance, figures, tables, findings, configuration.

    Parameters
    ----------
    request : the run
    ready : the chapters, the front page last
    stage : an empty folder
    """
    facts = _facts(request, ready)
    for chapter in ready:
        _collect(request, chapter, stage, facts)
    set_aside = request.places.tables / "set_aside"
    if set_aside.is_dir():
        shutil.copytree(set_aside, stage / "set_aside")
    _configure(request, ready, stage)
    (stage / "manifest.json").write_text(_json(facts), encoding="utf-8")


def seal(stage: Path, *, engine: str) -> None:
    """Enter the publisher and the fingerprint of every file into the manifest."""
    manifest = json.loads((stage / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {"engine": engine, "files": file_hashes(stage)}
    (stage / "manifest.json").write_text(_json(manifest), encoding="utf-8")


def _facts(request: Request, ready: tuple[Chapter, ...]) -> dict[str, object]:
    """Provenance: what went in, and what it was worked with."""
    intake = json.loads((request.places.tables / "intake.json").read_text(encoding="utf-8"))
    return {
        "title": request.settings.title,
        "name": request.places.name,
        "as_of": intake["as_of"],
        "data": intake["fingerprint"],
        "tables": intake["tables"],
        "code": provenance.of_code(),
        "lock": provenance.of_file(request.root / "requirements.lock"),
        "environment": provenance.environment(),
        "grace_days": request.settings.grace_days,
        "parameters": {chapter.name: chapter.parameters for chapter in ready},
    }


def _collect(request: Request, chapter: Chapter, stage: Path, facts: dict[str, object]) -> None:
    """Copy what a chapter made into the project, its page with the provenance at the foot."""
    made = request.places.chapter(chapter.name)
    notebook = nbformat.read(made / "notebook.ipynb", as_version=4)
    foot = provenance.page_foot(facts, chapter.parameters)
    notebook.cells.append(nbformat.v4.new_markdown_cell(foot, id="provenance"))
    front = chapter.name == request.settings.front_page.notebook
    page = stage / "index.ipynb" if front else stage / "notebooks" / f"{chapter.name}.ipynb"
    page.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, page)
    if (made / "figures").is_dir():
        shutil.copytree(made / "figures", stage / "figures", dirs_exist_ok=True)
    if (made / "tables").is_dir():
        shutil.copytree(made / "tables", stage / "tables" / chapter.name)
    if (made / "findings.json").is_file():
        (stage / "findings").mkdir(exist_ok=True)
        shutil.copy(made / "findings.json", stage / "findings" / f"{chapter.name}.json")


def _configure(request: Request, ready: tuple[Chapter, ...], stage: Path) -> None:
    pages = []
    for chapter in (ready[-1], *ready[:-1]):
        title, description = chapters.title_and_description(chapter.path)
        pages.append(
            publish.ChapterPage(
                stem=chapter.name,
                title=title,
                description=description,
                first=chapter.name == request.settings.front_page.notebook,
            )
        )
    publish.write_project(
        stage,
        title=request.settings.title,
        locale=request.settings.locale,
        chapters=pages,
        configuration=request.root / "_quarto.yml",
    )


def _json(values: object) -> str:
    return json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
