"""A small run's folder made by hand: executed notebooks with every kind of markup that pages use.

The numbers are invented; the tests look at how they are published, never at what they say.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import nbformat
import yaml
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

from customer_value.report import publish

CHAPTERS = (
    publish.ChapterPage("strategy", "Summary", first=True),
    publish.ChapterPage("data_quality", "Data"),
    publish.ChapterPage("revenue", "Revenue", "How much of last year's revenue is still here?"),
    publish.ChapterPage("cohort_survival", "Survival"),
    publish.ChapterPage("segments", "Segments"),
)

BLUE, GREY, ORANGE = "#0072B2", "#8a8d91", "#D55E00"
STYLE = {"svg.hashsalt": "handmade", "font.size": 11, "axes.spines.top": False, "axes.spines.right": False}


def make(project: Path) -> Path:
    """Write the notebooks, figures, tables and project files of a report into an empty folder."""
    for folder in ("figures", "notebooks", "tables/revenue", "findings"):
        (project / folder).mkdir(parents=True, exist_ok=True)
    _draw(project / "figures")
    (project / "tables" / "revenue" / "retention.csv").write_text("segment,estimate\nall,0.94\n", encoding="utf-8")
    (project / "manifest.json").write_text("{}\n", encoding="utf-8")
    write(project / "index.ipynb", _front())
    write(project / "notebooks" / "data_quality.ipynb", _data_quality())
    write(project / "notebooks" / "revenue.ipynb", _revenue())
    write(project / "notebooks" / "cohort_survival.ipynb", _survival())
    write(project / "notebooks" / "segments.ipynb", _segments())
    publish.write_project(project, title="Customer value at Northwind Software", locale="en_GB", chapters=CHAPTERS)
    return project


def write(path: Path, cells: list[nbformat.NotebookNode]) -> None:
    """Write cells as a notebook; ids in order, so that the same cells give the same bytes."""
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    nbformat.write(new_notebook(cells=cells), path)


def printed(*texts: str, tags: tuple[str, ...] = (), source: str = "ch.say(…)") -> nbformat.NotebookNode:
    """An executed code cell that printed Markdown, and noise that no page may show."""
    outputs = [new_output("display_data", data={"text/markdown": text, "text/plain": "<Markdown>"}) for text in texts]
    noise = [new_output("stream", name="stderr", text="a warning that stays in the notebook")]
    return new_code_cell(source, outputs=noise + outputs, metadata={"tags": list(tags)})


def front_matter(title: str, subtitle: str = "") -> nbformat.NotebookNode:
    """The raw first cell."""
    settings = {"title": title, **({"subtitle": subtitle} if subtitle else {})}
    return new_raw_cell(f"---\n{yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)}---")


PROVENANCE = new_markdown_cell(
    "::: {.provenance}\n"
    "Northwind's own tables as of 30 June 2026 · 2,000 accounts · trailing twelve months · intervals 95 %.\n\n"
    '::: {.callout-note collapse="true" title="Data, parameters and versions"}\n'
    "| What | Value |\n|:-----|:------|\n"
    "| Data fingerprint | `9f2c4e1b7a60d3854c1e0f6b2d9a7c3e5f8b1a4d6c9e2f7083b5a1d4c6e9f20b` |\n"
    "| horizon | 24 |\n| min_group | 30 |\n| customer-value-report | 0.1.0 |\n"
    ":::\n:::"
)


def _headline(label: str, value: str, span: str, benchmark: str, kind: str, change: str, name: str) -> str:
    return (
        f"::: {{.headline}}\n[{label}]{{.label}}\n\n[{value}]{{.value}} [{span}]{{.range}}\n\n"
        f'![](figures/spark-{name}.svg){{.sparkline fig-alt="{label} by month, ending at {value}"}}\n\n'
        f"[{benchmark}]{{.benchmark .{kind}}}\n\n[{change}]{{.change}}\n:::\n"
    )


def _card(anchor: str, kind: str, badge: str, worth: str, do: str, why: str, evidence: str, change: str) -> str:
    money = f" [{worth}]{{.worth}}" if worth else ""
    return (
        f"::: {{#decision-{anchor} .card .{kind}}}\n### {do}\n\n[{badge}]{{.certainty}}{money}\n\n{why}\n\n"
        f"Evidence\n:   {evidence}\n\nWhat would change our mind\n:   {change}\n:::\n"
    )


def _front() -> list[nbformat.NotebookNode]:
    headlines = [
        _headline(
            "Annual recurring revenue",
            "£4.1 m",
            "close of June 2026",
            "No usual range",
            "within",
            "£0.3 m more than a year before",
            "arr",
        ),
        _headline(
            "Net revenue retention",
            "94 %",
            "91 to 97 %",
            "Usual range 95 to 105 %: below",
            "below",
            "2 points lower than in the last report",
            "nrr",
        ),
        _headline(
            "Gross revenue retention",
            "86 %",
            "84 to 89 %",
            "Usual range 85 to 92 %: within",
            "within",
            "No clear change",
            "grr",
        ),
        _headline(
            "Accounts kept",
            "81 of 100",
            "79 to 83",
            "Usual range 80 to 90: within",
            "within",
            "1 fewer than in the last report",
            "logo",
        ),
        _headline(
            "Expansion",
            "8 %",
            "7 to 10 %",
            "Usual range 10 to 20 %: below",
            "below",
            "No clear change",
            "exp",
        ),
    ]
    cards = [
        _card(
            "churn",
            "do-it",
            "Do it",
            "£0.2–0.3 m a year",
            "Retry failed card payments before closing an account",
            "Of 212 accounts lost in the year, 61 ended by a failed payment, and 38 of them were active in the week.",
            "[Who leaves, and how](notebooks/revenue.ipynb#tbl-revenue-retention)",
            "Fewer than one in five retried payments succeeding in the first month.",
        ),
        _card(
            "term",
            "test-first",
            "Test first",
            "£0.4–0.7 m a year",
            "Offer annual terms to monthly accounts in their third month",
            "Accounts on annual terms stay longer; half of the difference goes when size is held equal.",
            "[Annual accounts stay longer](notebooks/cohort_survival.ipynb#fig-cohort_survival-curve-by-term)",
            "A split test in which the offer keeps no more accounts than its absence (needs about 700 accounts).",
        ),
        _card(
            "price",
            "watch",
            "Watch",
            "",
            "Leave list prices as they are for now",
            "Expansion comes from seats; price changes moved revenue by less than we could detect.",
            "[Where growth comes from](notebooks/revenue.ipynb#fig-revenue-waterfall)",
            "A price change on one plan followed for two quarters.",
        ),
        _card(
            "market",
            "not-enough",
            "Not enough evidence",
            "",
            "Do not move the sales team between regions on this evidence",
            "Three of four regions hold fewer than 65 renewals; a difference of ten points could hide in that.",
            "[Segments](notebooks/segments.ipynb#answer)",
            "About 700 renewals a region: at this pace, in two years.",
        ),
    ]
    return [
        front_matter("Revenue grows from new accounts, not from those we have"),
        new_code_cell("import something", metadata={"tags": ["remove-cell"]}),
        printed(
            "::: {.lead}\nOut of 100 accounts a year ago, 81 are still here (79 to 83). Those that stay grow a little, "
            "not enough to make up for those that leave: £100 of revenue then is £94 now (£91 to £97). New accounts "
            "brought £0.6 m, more than the whole of last year's growth.\n:::"
        ),
        printed("::: {.headlines}\n\n" + "\n".join(headlines) + "\n:::"),
        printed("## What to do\n\n::: {.cards}\n\n" + "\n".join(cards) + "\n:::"),
        printed(
            "## What we do not know yet\n\n::: {.unknowns}\n"
            "- Whether onboarding calls keep accounts: no start dates were recorded. Needs the table `milestones`.\n"
            "- Why accounts leave: 148 of 212 gave no reason.\n"
            "- A name with a script in it is text: \\<script\\>alert(1)\\</script\\>, as is <b>this</b>.\n:::"
        ),
        PROVENANCE,
    ]


def _table(chapter: str, label: str, caption: str) -> str:
    anchor = f"tbl-{chapter}-{label}"
    rows = [
        ("Accounts kept", "81 %", "79 to 83 %", "1,114"),
        ("Gross revenue retention", "86 %", "84 to 89 %", "1,114"),
        ("Net revenue retention", "94 %", "91 to 97 %", "1,114"),
        ("Net, among accounts whose term came due", "90 %", "85 to 95 %", "402"),
    ]
    html = "".join(
        f'<tr><th scope="row" class="gt_row gt_left">{name}</th><td class="gt_row gt_right">{estimate}</td>'
        f'<td class="gt_row gt_right interval">{interval}</td><td class="gt_row gt_right">{n}</td></tr>'
        for name, estimate, interval, n in rows
    )
    head = "".join(
        f'<th scope="col" class="{side}">{name}</th>'
        for name, side in (
            ("Measure", ""),
            ("Share", "gt_right"),
            ("95 % interval", "gt_right"),
            ("Accounts", "gt_right"),
        )
    )
    pipe = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        f"::: {{#{anchor}}}\n"
        '::: {.content-visible when-format="html"}\n```{=html}\n'
        f'<table class="gt_table"><thead><tr>{head}</tr></thead><tbody>{html}</tbody></table>\n```\n:::\n\n'
        '::: {.content-visible unless-format="html"}\n'
        f"| Measure | Share | 95 % interval | Accounts |\n|:---|--:|--:|--:|\n{pipe}\n\n"
        "Two further rows are in the file.\n:::\n\n"
        f"{caption}\n:::\n\n"
        '::: {.content-visible when-format="html"}\n'
        "[Download this table (CSV)](../tables/revenue/retention.csv){.download}\n:::"
    )


def _figure(chapter: str, label: str, picture: str, alt: str, caption: str) -> str:
    return (
        f"::: {{#fig-{chapter}-{label}}}\n"
        f'![](../figures/{picture}.svg){{.wide fig-alt="{alt}"}}\n\n'
        f'![](../figures/{picture}-narrow.svg){{.narrow fig-alt="{alt}"}}\n\n{caption}\n:::'
    )


METHOD = (
    '::: {.callout-note .method collapse="true" title="Method"}\n'
    "Shares of a base of accounts, with Wilson intervals; revenue shares with a bootstrap over accounts.\n\n"
    "$$\\hat S(t) = \\prod_{t_i \\le t} \\left(1 - \\frac{d_i}{n_i}\\right)$$\n\n"
    "Accounts still active at the as-of date are censored.[^km]\n\n[^km]: Kaplan and Meier (1958).\n:::"
)


def _revenue() -> list[nbformat.NotebookNode]:
    return [
        front_matter("Revenue: what grows and what shrinks it", "Movements and retention of recurring revenue"),
        new_markdown_cell("## What we ask\n\nHow much of last year's revenue is still here, and what moved it?"),
        printed(
            "## £100 of revenue a year ago is £94 now {#answer .answer}\n\n::: {.lead}\n"
            "Among the 1,114 accounts active at the close of June 2025, net revenue retention over the twelve months "
            "to June 2026 is 94 % (91 to 97 %).\n:::"
        ),
        printed(
            _figure(
                "revenue",
                "waterfall",
                "waterfall",
                "From £3.8 m: new +£0.6 m, expansion +£0.3 m, contraction −£0.1 m, churn −£0.5 m, to £4.1 m",
                "**New accounts carry the growth.** Annual recurring revenue by movement, £ m, twelve months.",
            )
        ),
        new_markdown_cell(
            '::: {.callout-tip title="How to read it"}\nEach bar starts where the last one ended. '
            "@fig-revenue-waterfall counts movements month by month; @tbl-revenue-retention compares two closes.\n:::"
        ),
        printed(_table("revenue", "retention", "Retention of accounts and of revenue, July 2025 to June 2026.")),
        new_markdown_cell(
            "## What limits this\n\nNine accounts hold a third of revenue. See "
            "[survival](cohort_survival.ipynb#fig-cohort_survival-curve-by-term)."
        ),
        printed(METHOD),
        PROVENANCE,
    ]


def _survival() -> list[nbformat.NotebookNode]:
    return [
        front_matter("Survival: how long accounts stay"),
        printed(
            "## Annual accounts stay longer; half of it is their size {#answer .answer}\n\n::: {.lead}\n"
            "Out of 100 accounts, 84 are still here after a year (82 to 85). Annual accounts: 89; monthly: 78.\n:::"
        ),
        printed(
            _figure(
                "cohort_survival",
                "curve-by-term",
                "curves",
                "Share retained by months since the start: annual 89 % at 12 months, monthly 78 %",
                "**Monthly accounts leave early.** Accounts still here by months since the start, by first term; "
                "bands are 95 % intervals.",
            )
        ),
        printed(
            '::: {.callout-warning title="Not the effect of the term"}\nWho chooses an annual term differs in size '
            "and in what they bought.\n:::"
        ),
        printed(METHOD),
        PROVENANCE,
    ]


def _segments() -> list[nbformat.NotebookNode]:
    return [
        front_matter("Segments: who grows and who shrinks"),
        printed(
            "## No segment stands out after adjusting for the number compared {#answer .answer}\n\n::: {.lead}\n"
            "Of 14 contrasts none is clear of chance once all 14 are counted.\n:::"
        ),
        printed(_table("segments", "overview", "Retention by plan at the period's start.")),
        printed(METHOD),
        PROVENANCE,
    ]


def _data_quality() -> list[nbformat.NotebookNode]:
    return [
        front_matter("Data: what came in and what was set aside"),
        printed("Fewer than one row in a hundred was set aside."),
        printed(
            "## The data are fit for this report {#answer .answer}\n\n::: {.lead}\n"
            "Of 14,212 rows, 31 were set aside (orphans). Usage events are missing: the chapters on use are short.\n:::"
        ),
        new_markdown_cell("| Table | Rows | Latest |\n|:--|--:|:--|\n| subscriptions | 14,212 | 30 June 2026 |"),
        PROVENANCE,
    ]


def _draw(folder: Path) -> None:
    with matplotlib.rc_context(STYLE):
        for narrow, suffix in ((False, ""), (True, "-narrow")):
            size = (4.0, 4.2) if narrow else (10.5, 4.2)
            _save(_waterfall(size, narrow=narrow), folder / f"waterfall{suffix}.svg")
            _save(_curves(size), folder / f"curves{suffix}.svg")
        for number, name in enumerate(("arr", "nrr", "grr", "logo", "exp")):
            _save(_sparkline(number), folder / f"spark-{name}.svg")


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def _waterfall(size: tuple[float, float], *, narrow: bool) -> Figure:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    names = ["June 2025", "New", "Expansion", "Contraction", "Churn", "June 2026"]
    bottoms, heights = [0, 3.8, 4.4, 4.6, 4.1, 0], [3.8, 0.6, 0.3, 0.1, 0.5, 4.1]
    axes.bar(names, heights, bottom=bottoms, color=[GREY, BLUE, BLUE, ORANGE, ORANGE, GREY], width=0.65)
    axes.set_ylabel("£ m a year")
    if narrow:
        axes.tick_params(axis="x", rotation=60)
    return figure


def _curves(size: tuple[float, float]) -> Figure:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    for rate, name, colour in ((0.0097, "annual", BLUE), (0.0205, "monthly", GREY)):
        months = list(range(25))
        kept = [100 * (1 - rate) ** month for month in months]
        axes.fill_between(months, [k - 2 for k in kept], [min(k + 2, 100) for k in kept], color=colour, alpha=0.2, lw=0)
        axes.plot(months, kept, color=colour, lw=2)
        axes.annotate(name, (24, kept[-1]), (6, 0), textcoords="offset points", va="center", color=colour)
    axes.set(ylim=(0, 102), xlim=(0, 26), xlabel="months since the start", ylabel="of 100 accounts, still here")
    axes.grid(axis="y", lw=0.5, color="#dddddd")
    return figure


def _sparkline(number: int) -> Figure:
    figure = Figure(figsize=(2.4, 0.48))
    axes = figure.add_axes((0.02, 0.1, 0.94, 0.8))
    values = [((number + 2) * step * 7 % 11) + step * (number - 1) * 0.4 for step in range(24)]
    axes.plot(values, color=GREY, lw=1.4)
    axes.plot(23, values[-1], "o", ms=4, color=BLUE)
    axes.set_axis_off()
    return figure
