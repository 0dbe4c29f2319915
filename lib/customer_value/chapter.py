"""All that a notebook holds in its hands: ``ch = chapter.open("revenue")``.

A chapter run by the report writes its figures, tables and findings into the run's folder and prints Markdown that both
publishers read alike. The same notebook run by itself in JupyterLab, on the sample, shows figures and tables in place.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path

import pandas as pd
from IPython.display import HTML, Markdown, display
from matplotlib.figure import Figure

from customer_value import csv_safe, figures, tables
from customer_value.errors import SettingsError
from customer_value.marts import Marts, levels, periods
from customer_value.marts.periods import Period
from customer_value.report.request import RUN_FOLDER
from customer_value.rules import Rules
from customer_value.stats.result import Result
from customer_value.strategy import findings as finding_records
from customer_value.strategy.findings import Finding
from customer_value.strategy.wording import Words

CALLOUTS = ("note", "tip", "warning", "important", "caution")


def open(name: str) -> Chapter:
    """Open the chapter whose notebook is called ``name``.

    Inside a report the run's folder comes from the environment. In JupyterLab, without one, the sample is made and
    prepared first.
    """
    folder = os.environ.get(RUN_FOLDER)
    if folder:
        return Chapter(name, Path(folder), published=True)
    from customer_value.report.prepare import prepare_sample

    return Chapter(name, prepare_sample(), published=False)


class Chapter:
    """One chapter of one run.

    Attributes
    ----------
    name : the notebook's name
    published : whether output goes to the report (else it is shown in JupyterLab)
    words : numbers, dates and money in the report's locale and currency
    """

    def __init__(self, name: str, run: Path, *, published: bool) -> None:
        self.name = name
        self.published = published
        self._run = run
        self._context = json.loads((run / "run.json").read_text(encoding="utf-8"))
        self._folder = run / "chapters" / name
        self.words = Words(locale=self._context["locale"], currency=self._context["currency"])
        self._recorded: list[Finding] = []

    # -- what the chapter reads ---------------------------------------------------------------------------------

    @cached_property
    def marts(self) -> Marts:
        """The marts of this run."""
        return Marts.open(self._run / "marts")

    @property
    def meta(self):
        """What is known about the data: shape, as-of date, tables, attributes, warnings."""
        return self.marts.meta

    @cached_property
    def rules(self) -> Rules:
        """By which rules accounts are put into behavioural segments, as `report.yml` gives them."""
        return Rules.model_validate(self._context["segments"])

    @cached_property
    def quality(self) -> pd.DataFrame:
        """One row a quality rule checked."""
        return pd.read_parquet(self._run / "tables" / "quality.parquet")

    def period(self, period_from: str | date = "", period_to: str | date = "") -> Period:
        """The period asked for, by the closes of two days; empty: the last twelve whole months.

        Raises
        ------
        SettingsError : a date is malformed, the days are in the wrong order or lie outside the data
        """
        return periods.choose(self.meta, period_from=period_from, period_to=period_to)

    def attributes(self, names: str | Sequence[str] = "") -> list[str]:
        """What accounts are grouped by: the attributes named, else their state at the period's start and all declared.

        Parameters
        ----------
        names : with commas between them, or a list; empty for the default

        Raises
        ------
        SettingsError : a name is unknown; says the nearest one that exists
        """
        known = [attribute.name for attribute in levels.attributes(self.meta)]
        given = names.split(",") if isinstance(names, str) else names
        wanted = [name.strip() for name in given if name.strip()]
        for name in wanted:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                nearest = f"did you mean {close[0]}? " if close else ""
                raise SettingsError(
                    f"Accounts can be grouped only by attributes that the data have.\n  got:      {name!r}\n"
                    f"  remedy:   {nearest}There are: {', '.join(known) or 'none'}"
                )
        if wanted:
            return list(dict.fromkeys(wanted))
        # What an account began with repeats, for most, what it had when the period began.
        started = [each.name for each in levels.attributes(self.meta) if each.known_at == "start"]
        return [*started, *sorted(self.meta.attributes)]

    def findings(self) -> list[Finding]:
        """Every finding that the other chapters recorded, in the order of the report."""
        found = []
        for chapter in self._context["chapters"]:
            path = self._run / "chapters" / chapter / "findings.json"
            if path.is_file():
                found += finding_records.read_file(path)
        return found

    # -- what the reader sees -----------------------------------------------------------------------------------

    def answer(self, headline: str, detail: str) -> None:
        """The answer first: a heading that states the finding, then what was measured, in whom, over which period."""
        self.say(f"## {headline} {{#answer .answer}}\n\n::: {{.lead}}\n{detail}\n:::")

    def say(self, markdown: str) -> None:
        """Computed prose; nothing where there is nothing to say."""
        if not markdown.strip():
            return
        display(Markdown(markdown if self.published else _plain(markdown)))

    def callout(self, kind: str, title: str, text: str | None) -> None:
        """A boxed remark, if there is anything to remark; ``kind`` is one of `CALLOUTS`."""
        if kind not in CALLOUTS:
            raise SettingsError(f"A callout is one of {', '.join(CALLOUTS)}, got: {kind!r}")
        if text:
            self.say(f'::: {{.callout-{kind} title="{_attribute(title)}"}}\n{text}\n:::')

    def draw(
        self, picture: Callable[..., Figure], result: Result, *, label: str, caption: str, **options: object
    ) -> None:
        """A figure of ``result``, in a wide and a narrow version, with alt text from its numbers.

        A result in which every group is too small to show is not drawn.

        Parameters
        ----------
        picture : a function of `customer_value.figures`
        result : what it draws
        label : lower-case words and hyphens; the anchor is ``fig-<chapter>-<label>``
        caption : the finding and what is measured, in Markdown
        options : the picture's own options
        """
        label = _label(label)
        if not result.table["estimate"].notna().any():
            return
        if not self.published:
            wide = picture(result, words=self.words, **options)
            display(HTML(figures.svg(wide).decode("utf-8")))
            display(Markdown(caption))
            return
        stem = f"{self.name}-{label}"
        for narrow, suffix in ((False, ""), (True, "-narrow")):
            drawn = picture(result, narrow=narrow, words=self.words, **options)
            self._write(f"figures/{stem}{suffix}.svg", figures.svg(drawn))
        alt = _attribute(
            figures.alt(
                result,
                kind=picture.__name__,
                words=self.words,
                labels=options.get("labels"),
                metrics=options.get("metrics"),
            )
        )
        place = self._path("figures")
        self.say(
            f"::: {{#fig-{stem}}}\n"
            f'![]({place}/{stem}.svg){{.wide fig-alt="{alt}"}}\n\n'
            f'![]({place}/{stem}-narrow.svg){{.narrow fig-alt="{alt}"}}\n\n'
            f"{caption}\n:::"
        )

    def show(
        self,
        result: Result,
        label: str,
        *,
        caption: str,
        columns: Sequence[str] | None = None,
        labels: Mapping[str, str] | None = None,
        units: Mapping[str, str] | None = None,
        top: int | None = 10,
        page: Result | None = None,
    ) -> None:
        """A table of ``result``: the first ``top`` rows here, all of them in a CSV file to take away.

        A result without rows is not shown.

        Parameters
        ----------
        result : what the file holds
        label : lower-case words and hyphens; the anchor is ``tbl-<chapter>-<label>``
        caption : what the table shows, in Markdown
        columns, labels : which columns, in which order, under which heads; default all
        units : the unit of further columns, where their name does not say it
        top : rows on the page; None for all
        page : what the page shows, where that is a selection from ``result`` or its rows in another order
        """
        label = _label(label)
        anchor = f"tbl-{self.name}-{label}"
        shown = result if page is None else page
        if shown.table.empty:
            return
        options = {"words": self.words, "columns": columns, "labels": labels, "units": units, "top": top}
        html = tables.html(shown, id=anchor, **options)
        if not self.published:
            display(HTML(html))
            display(Markdown(caption))
            return
        target = self._folder / "tables" / f"{label}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        csv_safe.write_csv(result.table, target)
        download = f"[Download the table (CSV)]({self._path('tables')}/{self.name}/{label}.csv)"
        self.say(
            f"::: {{#{anchor}}}\n"
            f'::: {{.content-visible when-format="html"}}\n```{{=html}}\n{html}\n```\n:::\n\n'
            f'::: {{.content-visible unless-format="html"}}\n{tables.pipe(shown, **options)}\n:::\n\n'
            f"{caption} {download}\n:::"
        )

    def record(self, found: Finding | Iterable[Finding]) -> None:
        """Record what the chapter established; the strategy page is written from these records alone.

        In JupyterLab too, so that the strategy notebook shows what the notebooks run before it found.
        """
        self._recorded += [found] if isinstance(found, Finding) else list(found)
        self._folder.mkdir(parents=True, exist_ok=True)
        finding_records.write(self._folder / "findings.json", self._recorded)

    def figure_file(self, name: str, svg: bytes) -> str:
        """Keep a small picture that a text places itself; returns its path as seen from the page."""
        stem = f"{self.name}-{_label(name)}"
        if self.published:
            self._write(f"figures/{stem}.svg", svg)
        return f"{self._path('figures')}/{stem}.svg"

    # -- how it is kept -----------------------------------------------------------------------------------------

    def _path(self, folder: str) -> str:
        """``folder`` of the project as seen from this chapter's page."""
        return folder if self.name == self._context["front_page"] else f"../{folder}"

    def _write(self, name: str, content: bytes) -> None:
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _label(label: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]*", label):
        raise SettingsError(f"A label is lower-case words and hyphens, got: {label!r}")
    return label


def _attribute(text: str) -> str:
    """Text that may stand between double quotes in a Markdown attribute."""
    return " ".join(text.replace("\\", "").replace('"', "'").split())


def _plain(markdown: str) -> str:
    """Markdown without the divs and attributes that JupyterLab would print as they are."""
    titled = re.sub(r'^:::+ *\{[^}]*title="([^"]*)"[^}]*\}', r"**\1**", markdown, flags=re.MULTILINE)
    without_fences = re.sub(r"^:::+.*$", "", titled, flags=re.MULTILINE)
    return re.sub(r"\{[#.][^}]*\}", "", without_fences)
