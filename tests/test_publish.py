"""Publishing: what reaches a page, what fails, and that the same project gives the same bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

import handmade_project
from customer_value.errors import PublishError
from customer_value.report import publish
from customer_value.report.publish import links
from customer_value.report.publish.notebook import read_page


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The handmade project, published by the embedded publisher."""
    project = handmade_project.make(tmp_path_factory.mktemp("handmade"))
    publish.publish(project, log=project.parent / "publish.log", engine="embedded")
    return project


@pytest.fixture
def project(published: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copytree(published, tmp_path / "project"))


def rewrite(project: Path, *cells: object, chapter: str = "segments") -> None:
    """Replace a chapter's cells and make the project's files anew."""
    handmade_project.write(
        project / "notebooks" / f"{chapter}.ipynb", [handmade_project.front_matter("A title"), *cells]
    )
    publish.write_project(project, title="A report", locale="en_GB", chapters=handmade_project.CHAPTERS)


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class Elements(HTMLParser):
    """Start tags with their attributes, and the text, of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def find(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [
            attributes
            for name, attributes in self.tags
            if name == tag and all(attributes.get(key.rstrip("_")) == value for key, value in wanted.items())
        ]


# -- what of a notebook reaches its page --------------------------------------------------------------------------


def test_only_prose_and_markdown_outputs_reach_the_page(tmp_path: Path) -> None:
    error = new_output("error", ename="Oops", evalue="no", traceback=["Traceback here"])
    image = new_output("display_data", data={"image/png": "aGk=", "text/plain": "<Figure>"})
    result = new_output("execute_result", data={"text/markdown": "third", "text/plain": "plain"})
    path = tmp_path / "page.ipynb"
    handmade_project.write(
        path,
        [
            handmade_project.front_matter("A title"),
            new_markdown_cell("first"),
            new_code_cell("code = 1", outputs=[error, image]),
            handmade_project.printed("second"),
            new_code_cell("more_code", outputs=[result]),
            handmade_project.printed("hidden", tags=("remove-cell",)),
        ],
    )
    page = read_page(path)
    assert [piece.text for piece in page.pieces] == ["first", "second", "third"]
    assert [piece.computed for piece in page.pieces] == [False, True, True]
    assert page.settings == {"title": "A title"}


@pytest.mark.parametrize("source", ["title: no fences", "---\na: b: c\n---", "---\n- a list\n---"])
def test_front_matter_that_is_none_is_refused(tmp_path: Path, source: str) -> None:
    cell = handmade_project.front_matter("x")
    cell["source"] = source
    handmade_project.write(tmp_path / "page.ipynb", [cell])
    with pytest.raises(PublishError, match=r"front matter|must hold front matter"):
        read_page(tmp_path / "page.ipynb")


# -- the site -----------------------------------------------------------------------------------------------------


def test_a_page_has_figures_tables_and_references_numbered(published: Path) -> None:
    page = Elements(published / "site" / "notebooks" / "revenue.html")
    assert page.find("html", lang="en-GB")
    assert page.find("figure", id="fig-revenue-waterfall", class_="figure")
    assert page.find("source", srcset="../figures/waterfall-narrow.svg", media="(max-width: 600px)")
    (image,) = page.find("img", src="../figures/waterfall.svg")
    assert image["alt"].startswith("From £3.8 m")
    assert page.find("a", href="#fig-revenue-waterfall")
    assert "Figure 1. New accounts carry the growth." in " ".join(page.text.split())
    assert "Figure 1 counts movements month by month; Table 1 compares" in " ".join(page.text.split())
    assert page.find("div", class_="table-scroll", tabindex="0", role="region")
    assert page.find("math")
    assert page.find("details", class_="callout callout-note")
    assert page.find("aside", class_="callout callout-tip", role="note")


def test_pages_link_to_each_other_and_mark_where_the_reader_is(published: Path) -> None:
    page = Elements(published / "site" / "notebooks" / "revenue.html")
    assert page.find("a", href="cohort_survival.html#fig-cohort_survival-curve-by-term")
    (current,) = page.find("a", **{"aria-current": "page"})
    assert current["href"] == "../notebooks/revenue.html"
    assert [link["href"] for link in page.find("a", rel="next")] == ["../notebooks/cohort_survival.html"]
    assert (published / "site" / "tables" / "revenue" / "retention.csv").is_file()
    assert (published / "site" / "strategy.pdf").read_bytes() == (published / "strategy.pdf").read_bytes()


def test_code_and_noise_stay_in_the_notebook(published: Path) -> None:
    for page in (published / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "ch.say" not in text
        assert "a warning that stays" not in text
        assert ".ipynb" not in text


def test_a_range_of_numbers_stays_on_one_line(project: Path, tmp_path: Path) -> None:
    text = "## An answer {#answer .answer}\n\nWorth £0.4–0.7 m, in winter–spring."
    rewrite(project, new_markdown_cell(text))
    publish.publish(project, log=tmp_path / "log", engine="embedded")
    pages = [path.read_text(encoding="utf-8") for path in (project / "site").rglob("*.html")]
    assert any('<span class="range-of">£0.4–0.7</span>' in page for page in pages)
    assert not any('<span class="range-of">winter' in page for page in pages)


def test_html_in_text_shows_as_text_and_scripts_have_no_leave(published: Path) -> None:
    page = Elements(published / "site" / "index.html")
    assert "<script>alert(1)</script>" in page.text
    assert "<b>this</b>" in page.text
    assert not page.find("script")
    (policy,) = page.find("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy["content"].startswith("default-src 'none'")


def test_a_title_with_markup_characters_is_text(project: Path) -> None:
    title = "1. <b>R&D</b> *report* {{< x >}}"
    publish.write_project(project, title=title, locale="en-US", chapters=handmade_project.CHAPTERS)
    publish.publish(project, log=project.parent / "log", engine="embedded")
    page = Elements(project / "site" / "index.html")
    assert title in page.text
    assert not page.find("b")
    assert page.find("html", lang="en-US")


MISTAKES = [
    ("See @fig-nowhere.", "@fig-nowhere refers to no figure or table"),
    ("[there](nowhere.ipynb)", r"nowhere\.html is not there"),
    ("[there](revenue.ipynb#no-such-place)", "has no place #no-such-place"),
    ("[up](../../secret.txt)", "leads out of the site"),
    ("![](../figures/nothing.svg){fig-alt='x'}", r"nothing\.svg"),
    ("::: {.callout-note}\nnever closed", "unclosed at line"),
    ("::: {#fig-segments-empty}\nno picture\n:::", "holds no image"),
]


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_a_mistake_in_a_page_fails_and_leaves_the_last_site(project: Path, text: str, said: str) -> None:
    before = hashes(project / "site"), (project / "strategy.pdf").read_bytes()
    rewrite(project, new_markdown_cell(f"## Part {{#answer}}\n\n{text}"))
    with pytest.raises(PublishError, match=said):
        publish.publish(project, log=project.parent / "log", engine="embedded")
    assert (hashes(project / "site"), (project / "strategy.pdf").read_bytes()) == before
    assert not list(project.glob(".publishing-*"))


def test_dead_links_and_repeated_anchors_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="x"><p id="x"><a href="b.html#there">1</a><a href="b.html#gone">2</a><a href="https://example.org/">3</a>'
        '<img src="c.svg"><a href="#x">4</a>',
        encoding="utf-8",
    )
    (tmp_path / "b.html").write_text('<p id="there">', encoding="utf-8")
    assert links.broken(tmp_path) == [
        "a.html: anchor #x occurs 2 times",
        "a.html: b.html#gone has no place #gone",
        "a.html: c.svg is not there",
    ]


# -- the PDF ------------------------------------------------------------------------------------------------------


def test_the_pdf_source_is_the_front_page_then_a_page_a_study(published: Path) -> None:
    source = (published / "strategy.qmd").read_text(encoding="utf-8")
    headings = [line for line in source.splitlines() if line.startswith("# ")]
    assert headings == [
        "# Revenue grows from new accounts, not from those we have {#chapter-strategy}",
        "# Data: what came in and what was set aside {#chapter-data-quality}",
        "# Revenue: what grows and what shrinks it {#chapter-revenue}",
        "# Survival: how long accounts stay {#chapter-cohort-survival}",
        "# Segments: who grows and who shrinks {#chapter-segments}",
        "# Methods and provenance {#methods}",
    ]
    assert "-narrow.svg" not in source
    assert "../" not in source.replace("../tables/revenue/retention.csv", "")
    assert "{#answer-revenue .answer}" in source
    assert "What we ask" not in source  # the chapter's other sections stay on its page
    assert "(#fig-revenue-waterfall)" in source  # evidence that the PDF holds
    assert "(#answer-segments)" in source
    assert source.count(".provenance") == 1
    assert ".method" not in source.split("# Methods and provenance")[0]
    assert "::: {.question}\nHow much of last year's revenue is still here?\n:::" in source


def test_cells_tagged_pdf_make_the_chapters_page(project: Path) -> None:
    rewrite(
        project,
        handmade_project.printed("## The answer {#answer}\n\nleft out"),
        handmade_project.printed("## Another {#other}\n\nkept", tags=("pdf",)),
    )
    source = (project / "strategy.qmd").read_text(encoding="utf-8")
    assert "kept" in source
    assert "left out" not in source


def test_a_chapter_without_an_answer_is_there_in_full(project: Path) -> None:
    rewrite(project, new_markdown_cell("This chapter needs the table `renewals`."))
    assert "needs the table `renewals`" in (project / "strategy.qmd").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not installed")
def test_the_pdf_says_what_the_pages_say_with_contents_and_page_numbers(published: Path) -> None:
    pdf = published / "strategy.pdf"
    text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, check=True, text=True).stdout
    info = subprocess.run(["pdfinfo", pdf], capture_output=True, check=True, text=True).stdout
    assert "Tagged:          yes" in info
    assert "CreationDate" not in info
    assert "Customer value at Northwind Software" in info
    pages = text.split("\f")
    assert "£100 of revenue a year ago is £94 now" in next(page for page in pages if "Figure 1." in page)
    assert "1 of " in pages[0]
    assert "Retry failed card payments" in pages[0]
    assert "Download" not in text


# -- the same project gives the same bytes ------------------------------------------------------------------------


def test_published_twice_in_two_folders_the_bytes_are_the_same(published: Path, tmp_path: Path) -> None:
    again = handmade_project.make(tmp_path / "another" / "place")
    publish.publish(again, log=tmp_path / "log", engine="embedded")
    assert hashes(again) == hashes(published)


# -- the project for Quarto ---------------------------------------------------------------------------------------


def test_the_project_is_configured_from_the_repositorys_file(published: Path, root: Path) -> None:
    ours = yaml.safe_load((root / "_quarto.yml").read_text(encoding="utf-8"))
    run = yaml.safe_load((published / "_quarto.yml").read_text(encoding="utf-8"))
    assert run["format"] == ours["format"]
    assert run["lang"] == "en-GB"
    assert run["project"]["render"][:2] == ["index.ipynb", "notebooks/data_quality.ipynb"]
    assert run["report"]["chapters"][:2] == [
        {"page": "index", "text": "Summary"},
        {"page": "notebooks/data_quality", "text": "Data"},
    ]
    look = ours["format"]["html"]
    used = [look["css"], look["template"], *(each["path"] for each in look["filters"])]
    assert all((published / path).is_file() for path in used)


def test_a_report_has_one_front_page_and_all_its_notebooks(project: Path) -> None:
    page = publish.ChapterPage
    with pytest.raises(PublishError, match="one front page"):
        publish.write_project(project, title="x", locale="en", chapters=[page("revenue", "Revenue")])
    with pytest.raises(PublishError, match=r"missing: notebooks/nps\.ipynb"):
        publish.write_project(
            project, title="x", locale="en", chapters=[page("strategy", "S", first=True), page("nps", "NPS")]
        )


# -- Quarto, by a stand-in on the PATH ----------------------------------------------------------------------------

STAND_IN = """#!{python}
import json, os, sys
from pathlib import Path
if sys.argv[1] == "--version":
    print(os.environ.get("VERSION", "1.9.38"))
    sys.exit()
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps([sys.argv[1:], os.environ.get("SOURCE_DATE_EPOCH")]) + "\\n")
target = Path(sys.argv[2])
print(os.environ.get("SAYS", ""))
if os.environ.get("FAILS"):
    sys.exit(1)
if target.is_file():
    if not os.environ.get("NO_PDF"):
        target.with_suffix(".pdf").write_bytes(b"%PDF by the stand-in")
else:
    (target / ".quarto").mkdir()
    (target / ".gitignore").write_text("/.quarto/")
    for page in ["index", *(f"notebooks/{{path.stem}}" for path in (target / "notebooks").glob("*.ipynb"))]:
        path = target / "site" / f"{{page}}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("by the stand-in")
"""


@pytest.fixture
def quarto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for Quarto on the PATH; returns the file its calls are written to."""
    program = tmp_path / "bin" / "quarto"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def test_quarto_on_the_path_makes_the_pdf_and_then_the_site(project: Path, quarto: Path) -> None:
    made = publish.publish(project, log=project.parent / "log")
    assert made == publish.Publication(project / "site", project / "strategy.pdf", "quarto")
    calls = [yaml.safe_load(line) for line in quarto.read_text().splitlines()]
    assert [(call[0][0], Path(call[0][1]).name, call[0][2:]) for call in calls] == [
        ("render", "strategy.qmd", ["--to", "typst"]),
        ("render", "report", []),
    ]
    assert {call[1] for call in calls} == {"0"}
    assert (made.site / "index.html").read_text() == "by the stand-in"
    assert (made.site / "strategy.pdf").read_bytes() == made.pdf.read_bytes() == b"%PDF by the stand-in"
    assert not (project / ".quarto").exists()
    assert not (project / ".gitignore").exists()


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("FAILS", "1", r"Quarto failed on strategy\.qmd"),
        ("SAYS", "[WARNING] Unable to resolve crossref @fig-nowhere", "Unable to resolve crossref @fig-nowhere"),
        ("SAYS", "WARN: Unable to resolve link target: a.ipynb", "Unable to resolve link target"),
        ("SAYS", "[WARNING] Div at line 9 column 1 unclosed at line 12", "unclosed at line 12"),
        ("NO_PDF", "1", r"did not write: strategy\.pdf"),
    ],
)
def test_quarto_failing_warning_or_writing_nothing_fails(
    project: Path, quarto: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, said: str
) -> None:
    monkeypatch.setenv(setting, value)
    before = hashes(project)
    with pytest.raises(PublishError, match=said):
        publish.publish(project, log=project.parent / "log")
    assert hashes(project) == before
    assert "render" in (project.parent / "log").read_text()


def test_a_quarto_that_cannot_be_run_is_an_error_with_a_way_out(project: Path, quarto: Path) -> None:
    program = quarto.parent / "bin" / "quarto"
    program.write_text("#!/nowhere/at/all\n", encoding="utf-8")
    before = hashes(project)
    with pytest.raises(PublishError, match=r"cannot be run.*--engine embedded"):
        publish.publish(project, log=project.parent / "log")
    assert hashes(project) == before


def test_an_older_quarto_is_left_alone(project: Path, quarto: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERSION", "1.4.550")
    assert publish.publish(project, log=project.parent / "log").engine == "embedded"
    assert "Quarto 1.4.550 is too old" in (project.parent / "log").read_text()
    assert not quarto.exists()


def test_the_embedded_publisher_can_be_asked_for_where_quarto_is(project: Path, quarto: Path) -> None:
    assert publish.publish(project, log=project.parent / "log", engine="embedded").engine == "embedded"
    assert not quarto.exists()


def test_what_cannot_be_published_is_refused(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PublishError, match="engine must be one of auto, quarto, embedded, got: 'word'"):
        publish.publish(project, log=tmp_path / "log", engine="word")
    with pytest.raises(PublishError, match=r"lacks _quarto\.yml, strategy\.qmd"):
        publish.publish(tmp_path, log=tmp_path / "log")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PublishError, match=r"not on the PATH.*--engine embedded"):
        publish.publish(project, log=tmp_path / "log", engine="quarto")


# -- Quarto itself, where it is installed -------------------------------------------------------------------------

QUARTO = shutil.which("quarto")
with_quarto = pytest.mark.skipif(QUARTO is None, reason="Quarto is not on the PATH; only the stand-in was tested")


@with_quarto
def test_quarto_and_the_embedded_publisher_make_the_same_report(published: Path, tmp_path: Path) -> None:
    project = handmade_project.make(tmp_path / "project")
    made = publish.publish(project, log=tmp_path / "log", engine="quarto")
    assert set(hashes(project)) == set(hashes(published))
    assert links.broken(made.site) == []
    assert made.pdf.read_bytes().startswith(b"%PDF")
    for path in sorted(made.site.rglob("*.html")):
        page, other = Elements(path), Elements(published / "site" / path.relative_to(made.site))
        assert page.text.split() == other.text.split(), path.name
        assert not page.find("script")
        for tag, attribute in (("a", "href"), ("img", "src"), ("img", "alt"), ("source", "srcset"), ("link", "href")):
            assert [each[attribute] for each in page.find(tag)] == [each[attribute] for each in other.find(tag)]
        assert [each.get("class") for each in page.find("div")] == [each.get("class") for each in other.find("div")]


@with_quarto
def test_by_quarto_the_same_project_gives_the_same_bytes(tmp_path: Path) -> None:
    for folder in (tmp_path / "one", tmp_path / "another" / "place"):
        publish.publish(handmade_project.make(folder), log=tmp_path / "log", engine="quarto")
    assert hashes(tmp_path / "one") == hashes(tmp_path / "another" / "place")


@with_quarto
@pytest.mark.parametrize(("text", "said"), [MISTAKES[0], MISTAKES[2], MISTAKES[5]])
def test_by_quarto_a_mistake_fails_and_leaves_the_last_site(project: Path, text: str, said: str) -> None:
    rewrite(project, new_markdown_cell(f"## Part {{#answer}}\n\n{text}"))
    before = hashes(project)
    with pytest.raises(PublishError, match=said):
        publish.publish(project, log=project.parent / "log", engine="quarto")
    assert hashes(project) == before
