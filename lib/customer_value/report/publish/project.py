"""Make a run's folder a Quarto project: `_quarto.yml`, the look, and the PDF's source."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import yaml

from customer_value.errors import PublishError
from customer_value.report.publish.notebook import Page, Piece, join, read_page

FRONT = "index.ipynb"
CONFIGURATION = "_quarto.yml"
PDF_SOURCE = "strategy.qmd"
PDF_CELL = "pdf"
"""Tag of the cells that make a chapter's page in the PDF, where the answer, first figure and first table do not."""


@dataclass(frozen=True)
class ChapterPage:
    """A page of the report.

    Attributes
    ----------
    stem : the notebook's name without its ending
    title : what navigation calls it
    description : the question it answers, where its notebook's front matter gives none; the PDF shows it
    first : whether this is the front page, kept as ``index.ipynb``
    """

    stem: str
    title: str
    description: str = ""
    first: bool = False

    @property
    def path(self) -> str:
        """The notebook, from the project's folder."""
        return FRONT if self.first else f"notebooks/{self.stem}.ipynb"


def write_project(
    project: Path,
    *,
    title: str,
    locale: str,
    chapters: Sequence[ChapterPage],
    configuration: Path | None = None,
) -> None:
    """Write into a run's folder what its notebooks lack to be published.

    Parameters
    ----------
    project : folder holding ``index.ipynb``, ``notebooks/``, ``figures/`` and ``tables/``
    title : of the report, on every page
    locale : such as ``en-GB``; the language of the pages
    chapters : every page in reading order, one of them `first`
    configuration : the repository's ``_quarto.yml``; found beside the library where not given

    Raises
    ------
    PublishError : no or several front pages, a notebook or the configuration is missing
    """
    fronts = [chapter for chapter in chapters if chapter.first]
    if len(fronts) != 1:
        raise PublishError(f"A report has one front page, got: {[chapter.stem for chapter in fronts]}")
    ordered = [*fronts, *(chapter for chapter in chapters if not chapter.first)]
    missing = [chapter.path for chapter in ordered if not (project / chapter.path).is_file()]
    if missing:
        raise PublishError(f"Notebooks of the report are missing: {', '.join(missing)}")

    settings = _configuration(configuration or _repository_configuration())
    settings["lang"] = locale.replace("_", "-")
    settings["project"]["render"] = [chapter.path for chapter in ordered]
    settings["report"]["title"] = _text(title)
    settings["report"]["chapters"] = [
        {"page": chapter.path.removesuffix(".ipynb"), "text": _text(chapter.title)} for chapter in ordered
    ]
    _write(
        project / CONFIGURATION,
        "# Written by the report from the repository's _quarto.yml.\n"
        + yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=100),
    )
    copy_assets(project / "assets")
    pages = {chapter.stem: read_page(project / chapter.path) for chapter in ordered}
    _write(project / PDF_SOURCE, _pdf_source(pages, ordered, settings))


def copy_assets(target: Path) -> None:
    """Copy style sheets, filter and templates."""
    with as_file(files("customer_value.report") / "assets") as source:
        shutil.copytree(source, target, dirs_exist_ok=True, copy_function=shutil.copyfile)


def _repository_configuration() -> Path:
    return Path(__file__).resolve().parents[4] / CONFIGURATION


def _configuration(path: Path) -> dict:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PublishError(f"The website's configuration cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise PublishError(f"{path.name} is not YAML: {error}") from error


def _text(title: str) -> str:
    """A title as Markdown, which is how publishers read settings: punctuation as character references is no markup."""
    return re.sub(r"[^\w\s,']", lambda mark: f"&#{ord(mark[0])};" if mark[0].isascii() else mark[0], title)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


# -- the PDF's source ---------------------------------------------------------------------------------------------
# The front page, then one page a study (answer, main figure, main table), then methods and provenance.


def _pdf_source(pages: dict[str, Page], chapters: Sequence[ChapterPage], settings: dict) -> str:
    front, *studies = chapters
    head = {
        "title": settings["report"]["title"],
        "lang": settings["lang"],
        "format": {
            "typst": {
                "from": settings["format"]["html"]["from"],
                "template": "assets/report.typ",
                "filters": [{"at": "pre-ast", "path": "assets/report.lua"}],
                "highlight-style": "none",
                "pdf-standard": "ua-1",
            }
        },
    }
    parts = [f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=100)}---"]
    parts += [_heading(pages[front.stem], front)]
    parts += [_in_pdf(piece.text, front.stem) for piece in _body(pages[front.stem]) if not _is_method(piece)]
    for chapter in studies:
        page = pages[chapter.stem]
        parts += [
            _heading(page, chapter),
            *_question(page, chapter),
            *(_in_pdf(text, chapter.stem) for text in _summary(page)),
        ]
    parts += ["# Methods and provenance {#methods}"]
    for chapter in chapters:
        methods = [piece.text for piece in _body(pages[chapter.stem]) if _is_method(piece)]
        if methods:
            parts += [f"## {_title(pages[chapter.stem], chapter)} {{#method-{chapter.stem}}}"]
            parts += [_in_pdf(text, chapter.stem) for text in methods]
    provenance = [piece.text for piece in pages[front.stem].pieces if _is_provenance(piece)]
    if provenance:
        parts += ["## Where the numbers come from {#provenance}", *(_in_pdf(text, front.stem) for text in provenance)]
    return _linked(join(parts), chapters)


def _title(page: Page, chapter: ChapterPage) -> str:
    return str(page.settings.get("title", chapter.title))


def _heading(page: Page, chapter: ChapterPage) -> str:
    return f"# {_title(page, chapter)} {{#{_chapter_anchor(chapter.stem)}}}"


def _question(page: Page, chapter: ChapterPage) -> list[str]:
    question = str(page.settings.get("description", chapter.description))
    return [f"::: {{.question}}\n{question}\n:::"] if question else []


def _chapter_anchor(stem: str) -> str:
    return f"chapter-{stem.replace('_', '-')}"


def _body(page: Page) -> list[Piece]:
    return [piece for piece in page.pieces if not _is_provenance(piece)]


def _is_provenance(piece: Piece) -> bool:
    return re.match(r"\s*:::+\s*\{[^}\n]*\.provenance\b", piece.text) is not None


def _is_method(piece: Piece) -> bool:
    return re.match(r"\s*:::+\s*\{[^}\n]*\.method\b", piece.text) is not None


def _summary(page: Page) -> list[str]:
    chosen = [piece.text for piece in page.pieces if PDF_CELL in piece.tags]
    if chosen:
        return chosen
    computed = [piece.text for piece in _body(page) if piece.computed]
    answers = [text for text in computed if re.match(r"##\s.*\{[^}\n]*(#|\.)answer\b", text)]
    answers = answers or [text for text in computed if text.startswith("## ")]
    figures = [text for text in computed if text.lstrip().startswith("::: {#fig-")]
    tables = [text for text in computed if text.lstrip().startswith("::: {#tbl-")]
    parts = [*answers[:1], *figures[:1], *tables[:1]]
    # A short page (its tables are missing) says in prose what it needs.
    return parts or [piece.text for piece in _body(page)]


def _in_pdf(text: str, stem: str) -> str:
    """A chapter's Markdown as part of one document at the project's root."""
    text = re.sub(r"^!\[[^]\n]*\]\([^)\n]*\)\{[^}\n]*\.narrow\b[^}\n]*\}\n*", "", text, flags=re.MULTILINE)
    text = re.sub(r"\]\(\.\./(figures|tables|index\.ipynb)", r"](\1", text)
    text = re.sub(r"\]\((?!index\.ipynb)([\w-]+\.ipynb)", r"](notebooks/\1", text)
    text = re.sub(r"\[\^([^]\s]+)\]", rf"[^{stem}-\1]", text)  # footnotes of two chapters may share a name
    return re.sub(r"\{#answer\b", f"{{#answer-{stem.replace('_', '-')}", text)


def _linked(document: str, chapters: Sequence[ChapterPage]) -> str:
    """Links between pages as links within the document: to the place itself where it is there, else its chapter."""
    anchors = set(re.findall(r"\{#([\w:.-]+)", document))
    stems = {chapter.path: chapter.stem for chapter in chapters}

    def within(match: re.Match[str]) -> str:
        path, place = match.group(1), match.group(2)
        if path not in stems:
            return match.group(0)
        stem = stems[path]
        place = f"answer-{stem.replace('_', '-')}" if place == "answer" else place
        return f"](#{place if place in anchors else _chapter_anchor(stem)})"

    return re.sub(r"\]\(([\w/-]+\.ipynb)(?:#([\w:.-]+))?\)", within, document)
