"""Figures show the result's own numbers, repeat byte for byte and keep every text on the sheet."""

from __future__ import annotations

import ast
import datetime as dt
import inspect
import itertools
import math
import re
from pathlib import Path

import matplotlib
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from customer_value import figures
from customer_value.figures import theme
from customer_value.stats.result import Result
from customer_value.strategy.wording import Words

WORDS = Words(currency="GBP")
STEPS = ["opening", "new", "expansion", "reactivation", "contraction", "churn", "closing"]
PICTURES = ("curves", "grid", "heatmap", "intervals", "ladder", "quadrants", "rates", "ratings", "ratios")
PICTURES += ("scatter",)
PICTURES += ("stacked", "trend", "triangle", "waterfall")


def curves_of(*names: str, hidden: tuple[str, ...] = ()) -> Result:
    """Retention falling by a step a month, faster in each further group."""
    rows = []
    for place, name in enumerate(names):
        for month in range(13):
            share = 1 - 0.01 * (place + 1) * month
            shown = math.nan if name in hidden else share
            rows.append(
                (name, month, shown, shown - 0.02 if month else shown, min(1.0, shown + 0.02), 400 - 10 * month)
            )
    table = pd.DataFrame(rows, columns=["plan", "month", "estimate", "low", "high", "at_risk"])
    return Result("retention_curve", table, ("plan", "month"), "share", 0.95, "accounts", suppressed=len(hidden))


def trend_of(*metrics: str) -> Result:
    months = [dt.date(2023 + month // 12, month % 12 + 1, 1) for month in range(24)]
    rows = [
        (metric, month, 0.9 + 0.001 * place, 0.88, 0.93, 500)
        for metric in metrics
        for place, month in enumerate(months)
    ]
    table = pd.DataFrame(rows, columns=["metric", "month", "estimate", "low", "high", "n"])
    return Result("monthly_retention", table, ("metric", "month"), "share", 0.95, "accounts")


def intervals_of(levels: dict[str, float], **columns: list[object]) -> Result:
    table = pd.DataFrame({"level": list(levels), "estimate": list(levels.values())})
    table = table.assign(low=table["estimate"] - 0.04, high=table["estimate"] + 0.04, n=120)
    return Result("contrast", table.assign(**columns), ("level",), "points", 0.95, "accounts")


def triangle_of(cohorts: int = 6) -> Result:
    rows = [
        (dt.date(2024, cohort + 1, 1), age, 0.99 - 0.03 * age, 80)
        for cohort in range(cohorts)
        for age in range(cohorts - cohort)
    ]
    table = pd.DataFrame(rows, columns=["cohort", "age", "estimate", "n"])
    return Result("triangle", table, ("cohort", "age"), "share", 0.95, "accounts")


def segments_of() -> Result:
    rows = [
        (attribute, level, metric, value, unit, 90)
        for attribute, level, grr, customers in (
            ("all", "all", 0.90, 900),
            ("plan", "Basic", 0.95, 400),
            ("plan", "A very long name of a plan that has to be broken", 0.80, 480),
            ("plan", "other", math.nan, 20),
        )
        for metric, value, unit in (("customers", customers, "count"), ("grr", grr, "share"))
    ]
    table = pd.DataFrame(rows, columns=["attribute", "level", "metric", "estimate", "unit", "n"])
    keys = ("attribute", "level", "metric")
    return Result("overview", table, keys, "by row", 0.95, "accounts", reference="all", suppressed=1)


def ratios_of(rows: dict[str, tuple[float, ...]], views: tuple[str, ...] = ("naive", "landmark", "lagged")) -> Result:
    """Each row's ratios in the order of the views; intervals of a fifth either way, on the log scale."""
    marks = [(name, view, ratio) for name, found in rows.items() for view, ratio in zip(views, found, strict=True)]
    table = pd.DataFrame(marks, columns=["feature", "view", "estimate"])
    table = table.assign(low=table["estimate"] / 1.2, high=table["estimate"] * 1.2, n=120)
    return Result("three_comparisons", table, ("feature", "view"), "ratio", 0.95, "accounts")


def grid_of(groups: int = 4) -> Result:
    rows = [("all", "headwind", 0.1, 0.08, 0.12, 900), ("all", "tailwind", 0.12, 0.1, 0.14, 900)]
    for place in range(groups):
        rows += [
            (f"Group {place}", "headwind", 0.05 + 0.02 * place, 0.03, 0.07 + 0.02 * place, 50 + place),
            (f"Group {place}", "tailwind", 0.15 - 0.01 * place, 0.1, 0.2, 50 + place),
        ]
    table = pd.DataFrame(rows, columns=["level", "measure", "estimate", "low", "high", "n"])
    return Result("headwind_tailwind", table, ("level", "measure"), "share", 0.95, "accounts", reference="all")


def waterfall_of(*amounts: float) -> Result:
    table = pd.DataFrame({"movement": STEPS, "estimate": amounts})
    return Result("mrr_waterfall", table, ("movement",), "money", None, "accounts")


def quadrants_of(**kept: float) -> Result:
    rows = []
    for group in ("all", "champions", "sleepers", "hostages", "at_risk", "no_answer"):
        share = kept.get(group, 0.9)
        rows += [
            (group, "customers", 84.0, math.nan, math.nan, 84, "count"),
            (group, "mrr", 12_345.0, math.nan, math.nan, 84, "money"),
            (group, "logo_retention", share, share - 0.05, share + 0.04, 84, "share"),
        ]
    table = pd.DataFrame(rows, columns=["group", "metric", "estimate", "low", "high", "n", "unit"])
    return Result("satisfaction_quadrants", table, ("group", "metric"), "by row", 0.95, "accounts", reference="all")


def ratings_of(*levels: str, hidden: tuple[str, ...] = ()) -> Result:
    table = pd.DataFrame({"attribute": "plan", "level": levels, "estimate": 25.0, "low": 14.0, "high": 36.0, "n": 90})
    table = table.assign(promoters_share=0.45, passives_share=0.35, detractors_share=0.2)
    table.loc[table["level"].isin(hidden), ["estimate", "low", "high"]] = math.nan
    return Result("score", table, ("attribute", "level"), "count", 0.95, "accounts", suppressed=len(hidden))


def stacked_of(unit: str, *groups: str, hidden: tuple[str, ...] = ()) -> Result:
    """Parts large and too thin for a label, a group each."""
    parts = {"renewed_larger": 0.55, "renewed_alike": 0.32, "moved_shorter": 0.005, "lapsed": 0.125}
    scale = 1.0 if unit == "share" else 87_654.0
    rows = [
        (group, part, math.nan if group in hidden else scale * share, 120)
        for group in groups
        for part, share in parts.items()
    ]
    table = pd.DataFrame(rows, columns=["group", "outcome", "estimate", "n"])
    return Result("outcomes", table, ("group", "outcome"), unit, None, "renewals", suppressed=len(hidden))


def rates_of(*groups: str, step: int = 1, drawn: bool = True) -> Result:
    rows = [
        (group, age, 0.04 / age + 0.01, 0.01, 0.08, 400 - age, 0.03 if drawn else math.nan, step)
        for group in groups
        for age in range(step, 37, step)
    ]
    columns = ["level", "age", "estimate", "low", "high", "n", "fitted", "step"]
    return Result("hazard_by_age", pd.DataFrame(rows, columns=columns), ("level", "age"), "share", 0.95, "accounts")


LONG = "A plan with a name of nearly unreasonable length & $2 or $3, <b>quoted</b>"


def ladder_of(*plans: str, hidden: tuple[str, ...] = ()) -> Result:
    """A tenth of each plan moves a step up, a twentieth a step down, another tenth leaves."""
    rows = []
    for place, plan in enumerate(plans):
        for target, (share, way) in {
            **{other: (0.0, "up" if at > place else "down") for at, other in enumerate(plans)},
            plan: (0.75, "same"),
            **({plans[place + 1]: (0.10, "up")} if place + 1 < len(plans) else {}),
            **({plans[place - 1]: (0.05, "down")} if place else {}),
            "left": (0.10, "left"),
        }.items():
            rows.append((plan, target, math.nan if plan in hidden else share, 120.0, way))
    table = pd.DataFrame(rows, columns=["plan", "plan_now", "estimate", "n", "way"])
    return Result("plan_moves", table, ("plan", "plan_now"), "share", 0.95, "accounts", suppressed=len(hidden))


def scatter_of(*clusters: str, count: int = 60) -> Result:
    """Clusters side by side, of falling size."""
    rows = [
        (f"{name} {number}", 3.0 * place + math.sin(number), place % 2 + math.cos(3 * number), name)
        for place, name in enumerate(clusters)
        for number in range(count // (place + 1))
    ]
    table = pd.DataFrame(rows, columns=["customer_id", "estimate", "second", "cluster"])
    table = table.assign(across="much use, many features", upwards="long-standing, high-paying")
    return Result("cluster_view", table, ("customer_id",), "ratio", None, "accounts")


EXAMPLES = {
    "ladder": [ladder_of("Basic", "Pro", "Top"), ladder_of("Basic", LONG, "C", "D", "E", hidden=("D",))],
    "curves": [
        curves_of("Annual", "Monthly"),
        curves_of(LONG, "Monthly", "Trial", hidden=("Trial",)),
        curves_of(*(f"Group {place}" for place in range(8))),
    ],
    "trend": [trend_of("net"), trend_of("net", "gross", "logo")],
    "intervals": [intervals_of({"Basic": -0.1, "Pro": 0.02, LONG: 0.3, "Tiny": math.nan})],
    "quadrants": [quadrants_of(champions=0.96, at_risk=0.61), quadrants_of(hostages=math.nan, sleepers=0.2)],
    "rates": [rates_of("monthly", LONG), rates_of("annual", step=12, drawn=False), rates_of(*"abcdef", step=6)],
    "ratings": [ratings_of("Basic", LONG, "Tiny", hidden=("Tiny",)), ratings_of("all")],
    "ratios": [
        ratios_of({"export": (0.3, 0.8, 0.6), LONG: (0.05, 1.4, math.nan), "api": (0.5, 1.1, 20.0)}),
        ratios_of({"search": (1.0,)}, ("lagged",)),
    ],
    "stacked": [stacked_of("share", "all", LONG, "Tiny", hidden=("Tiny",)), stacked_of("money", "all", "2024 Q1")],
    "scatter": [scatter_of("much use", LONG, "little use"), scatter_of(*"abcdef", count=4_000)],
    "triangle": [triangle_of(), triangle_of(12)],
    "heatmap": [segments_of()],
    "grid": [grid_of(), grid_of(1)],
    "waterfall": [
        waterfall_of(1e6, 3e5, 1e5, 1e4, -5e4, -2e5, 1.16e6),
        waterfall_of(1e6, 3e3, 1e3, 0.0, -5e2, -2e3, 1.0015e6),
        waterfall_of(1e5, 1e4, 0.0, 0.0, -5e4, -7e4, -1e4),
    ],
}
CASES = [
    pytest.param(kind, result, narrow, id=f"{kind}-{place}-{'narrow' if narrow else 'wide'}")
    for kind, results in EXAMPLES.items()
    for place, result in enumerate(results)
    for narrow in (False, True)
]


def draw(kind: str, result: Result, *, narrow: bool = False) -> Figure:
    return getattr(figures, kind)(result, narrow=narrow, words=WORDS)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text().strip()]


def flat(figure: Figure) -> str:
    return " ".join(" ".join(texts(figure)).split())


@pytest.mark.parametrize("kind", PICTURES)
def test_options_are_named_and_none_is_swallowed(kind):
    parameters = list(inspect.signature(getattr(figures, kind)).parameters.values())
    assert parameters[0].name == "result"
    assert {one.kind for one in parameters[1:]} == {inspect.Parameter.KEYWORD_ONLY}
    assert {"narrow", "words"} <= {one.name for one in parameters}


def test_figures_import_results_and_wording_only(root):
    allowed = {"customer_value.stats.result", "customer_value.strategy.wording"}
    for source in sorted(Path(root, "lib/customer_value/figures").glob("*.py")):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            named = [node.module] if isinstance(node, ast.ImportFrom) else []
            named += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            ours = {name for name in named if name and name.startswith("customer_value")}
            assert not {name for name in ours if not name.startswith("customer_value.figures")} - allowed, source.name
            assert not [name for name in named if name and "pyplot" in name], source.name


@pytest.mark.parametrize(("kind", "result", "narrow"), CASES)
def test_two_draws_are_the_same_bytes(kind, result, narrow):
    once, again = (figures.svg(draw(kind, result, narrow=narrow)) for _ in range(2))
    assert once == again
    assert b"<text" not in once  # outlines: no font of the reader's machine is needed
    assert not re.search(rb"\d{4}-\d\d-\d\dT", once)
    assert b'href="http' not in once


@pytest.mark.parametrize(("kind", "result", "narrow"), CASES)
def test_no_text_leaves_the_sheet_or_meets_another(kind, result, narrow):
    figure = draw(kind, result, narrow=narrow)
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [
        (text.get_text(), text.get_window_extent(renderer))
        for text in figure.findobj(Text)
        if text.get_text().strip() and text.get_visible()
    ]
    for text, box in boxes:
        # two pixels: the measure is of outlines, the screen rounds
        assert box.x0 >= -2, text
        assert box.y0 >= -2, text
        assert box.x1 <= figure.bbox.width + 2, text
        assert box.y1 <= figure.bbox.height + 2, text
    for place, (one, box) in enumerate(boxes):
        for other, second in boxes[place + 1 :]:
            width = min(box.x1, second.x1) - max(box.x0, second.x0)
            height = min(box.y1, second.y1) - max(box.y0, second.y0)
            assert width <= 2 or height <= 4, (one, other)


@pytest.mark.parametrize(("kind", "result", "narrow"), CASES)
def test_type_is_legible_on_a_phone(kind, result, narrow):
    figure = draw(kind, result, narrow=narrow)
    assert figure.get_size_inches()[0] == (theme.NARROW if narrow else theme.WIDE)
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text().strip()) >= 9


@pytest.mark.parametrize(("kind", "result", "narrow"), CASES)
def test_drawing_changes_neither_the_result_nor_the_settings(kind, result, narrow):
    before, settings = result.table.copy(deep=True), dict(matplotlib.rcParams)
    draw(kind, result, narrow=narrow)
    pd.testing.assert_frame_equal(result.table, before)
    assert dict(matplotlib.rcParams) == settings


def test_curves_name_groups_by_value_with_numbers_at_risk():
    figure = draw("curves", curves_of("Slow", "Quick", "Trial", hidden=("Trial",)))
    shown = flat(figure)
    assert shown.index("Slow 88%") < shown.index("Quick 76%")
    assert "Accounts followed at this age" in shown
    assert "400" in texts(figure)
    assert "280" in texts(figure)
    assert "Too few to show: Trial (400 accounts)." in shown


def test_curves_draw_the_estimates_as_steps():
    result = curves_of("Annual")
    line = draw("curves", result).axes[0].lines[0]
    assert line.get_drawstyle() == "steps-post"
    assert list(line.get_ydata()) == list(result.table["estimate"])


def test_a_cut_axis_is_said():
    figure = figures.curves(curves_of("Annual"), words=WORDS, y_from=0.6)
    assert "The vertical axis begins at 60%." in flat(figure)
    assert "begins at" not in flat(draw("curves", curves_of("Annual")))


def test_many_curves_become_small_multiples():
    assert len(draw("curves", curves_of(*"ABCDEFGH")).axes) == 8
    assert len(draw("curves", curves_of(*"ABCD")).axes) == 1


def test_intervals_are_sorted_and_grey_where_they_hold_the_reference():
    result = intervals_of({"low": -0.2, "middle": 0.01, "high": 0.2})
    figure = figures.intervals(result, words=WORDS, reference=0.0, reference_label="no difference")
    shown = texts(figure)
    assert shown.index("high") < shown.index("middle") < shown.index("low")
    assert "+20.0 (16.0 to 24.0)" in shown
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [dot.get_markerfacecolor() for dot in dots] == [theme.ACCENT, theme.UNCLEAR, theme.ACCENT]


def test_adjusted_p_decides_the_colour_where_there_is_one():
    result = intervals_of({"one": 0.3, "two": 0.2}, p_adjusted=[0.2, 0.01])
    figure = figures.intervals(result, words=WORDS, reference=0.0)
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [dot.get_markerfacecolor() for dot in dots] == [theme.UNCLEAR, theme.ACCENT]


def test_raw_and_adjusted_share_a_row():
    table = pd.DataFrame(
        [("Basic", "raw", 0.1), ("Basic", "adjusted", 0.04), ("Pro", "raw", -0.1), ("Pro", "adjusted", 0.06)],
        columns=["level", "model", "estimate"],
    )
    result = Result("contrast", table, ("level", "model"), "points", None, "accounts")
    figure = figures.intervals(result, words=WORDS, pair="model")
    shown = texts(figure)
    assert shown.index("Pro") < shown.index("Basic")  # by the adjusted value
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [float(dot.get_xdata()[0]) for dot in dots] == [-0.1, 0.06, 0.1, 0.04]


def test_ratios_print_and_colour_the_main_estimate_alone():
    made = ratios_of({"export": (0.3, 0.8, 0.6), "api": (0.5, 0.9, 1.02)})
    figure = figures.ratios(made, words=WORDS, sides=("fewer leave", "more leave"), margin=(0.8, 1.25))
    shown = texts(figure)
    assert "0.60 (0.50 to 0.72)" in shown
    assert "0.30 (0.25 to 0.36)" not in shown
    assert shown.index("export") < shown.index("api")  # in the order given
    filled = [line for line in figure.axes[0].lines if line.get_marker() == "s"]
    assert [line.get_markerfacecolor() for line in filled] == [theme.ACCENT, theme.UNCLEAR]
    assert figure.axes[0].get_xscale() == "log"


def test_a_way_of_comparing_keeps_its_shape_where_the_first_row_lacks_another():
    made = ratios_of({"export": (math.nan, 0.8, 0.6), "api": (0.5, 0.9, 1.02)})
    kept = made.table[made.table["estimate"].notna()]
    kept = kept.assign(view=pd.Categorical(kept["view"], ["naive", "landmark", "lagged"]))
    figure = figures.ratios(made.with_table(kept), words=WORDS)
    assert any(text.startswith("○ naive") for text in texts(figure))
    assert any(text.startswith("■ lagged") for text in texts(figure))


def test_a_ratio_beyond_the_axis_ends_in_an_arrow_and_is_said():
    far = figures.ratios(ratios_of({"export": (0.3, 0.8, 40.0)}), words=WORDS)
    assert ">" in [line.get_marker() for line in far.axes[0].lines]
    assert "An arrow" in flat(far)
    assert "An arrow" not in flat(figures.ratios(ratios_of({"export": (0.3, 0.8, 0.6)}), words=WORDS))


def test_rows_that_would_share_a_line_are_refused():
    with pytest.raises(ValueError, match=r"choose one value of \['metric'\]"):
        figures.intervals(
            trend_of("net").with_table(pd.DataFrame({"metric": ["a", "b"], "month": [1, 1], "estimate": [0.1, 0.2]})),
            words=WORDS,
            by="month",
        )


def test_triangle_leaves_the_unobserved_blank():
    result = triangle_of(4)
    figure = draw("triangle", result)
    assert len(figure.axes[0].patches) == len(result.table) == 10
    assert texts(figure).count("99") == 4


def test_triangle_on_a_phone_drops_ages_rather_than_type():
    wide, narrow = (draw("triangle", triangle_of(12), narrow=one) for one in (False, True))
    assert len(narrow.axes[0].patches) < len(wide.axes[0].patches)


def test_triangle_names_cohorts_that_are_too_small_throughout_instead_of_drawing_them():
    result = triangle_of(4)
    table = result.table.copy()
    cohort, _ = result.keys
    first = table[cohort].iloc[0]
    table.loc[table[cohort] == first, "estimate"] = float("nan")
    figure = draw("triangle", result.with_table(table))
    assert len(figure.axes[0].patches) == int(table["estimate"].notna().sum())
    assert "·" not in texts(figure)
    assert any(text.startswith("Too few to show: ") for text in texts(figure))


def test_heatmap_on_a_phone_leaves_sizes_out_and_says_so():
    result = segments_of()
    more = [result.table.assign(metric=result.table["metric"] + ending) for ending in ("_due", "_later")]
    table = pd.concat([result.table, *more], ignore_index=True)
    narrow = draw("heatmap", result.with_table(table), narrow=True)
    assert "Customers" not in texts(narrow)
    assert "Left out for want of room: Customers" in " ".join(texts(narrow))
    assert "Customers" in texts(draw("heatmap", result.with_table(table)))


def test_alt_text_speaks_of_the_columns_that_are_drawn():
    result = segments_of()
    said = figures.alt(result, kind="heatmap", words=WORDS, metrics=["customers"])
    assert "by 1 measures" not in said
    assert "ustomers" in said
    assert "etention" not in said


def test_heatmap_colours_by_deviation_from_the_company():
    figure = draw("heatmap", segments_of())
    cells = figure.axes[0].patches
    assert len(cells) == 2  # not the company itself, not sizes, not groups too small
    red, _, blue, _ = cells[0].get_facecolor()
    assert blue > red  # 95% against 90%: better, blue
    red, _, blue, _ = cells[1].get_facecolor()
    assert red > blue
    assert "few" in texts(figure)


def test_waterfall_bars_hang_from_each_other():
    figure = draw("waterfall", waterfall_of(1e6, 3e5, 1e5, 1e4, -5e4, -2e5, 1.16e6))
    bars = figure.axes[0].patches
    ends = [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in bars]
    assert ends[0] == (0, 1e6)
    for (_, before), (after, _) in itertools.pairwise(ends[:-1]):
        assert after == pytest.approx(before)
    assert ends[-2][1] == pytest.approx(ends[-1][1])
    shown = [" ".join(text.split()) for text in texts(figure) if "£" in text]
    assert shown == ["£1 m", "+£300k", "+£100k", "+£10k", "−£50k", "−£200k", "£1.16 m"]


def test_waterfall_of_small_movements_gives_up_the_lengths_of_levels():
    figure = draw("waterfall", waterfall_of(1e6, 3e3, 1e3, 0.0, -5e2, -2e3, 1.0015e6))
    assert len(figure.axes[0].patches) == 5
    assert "opening and closing are lines" in flat(figure)


def test_grid_parts_at_the_cut_and_names_the_quarters():
    figure = draw("grid", grid_of())
    assert {"growing and keeping", "leaking and flat", "Group 0"} <= set(texts(figure))
    lines = [line for line in figure.axes[0].lines if line.get_color() == theme.INK]
    assert [set(lines[0].get_xdata()), set(lines[1].get_ydata())] == [{0.1}, {0.12}]


def test_two_dollar_signs_are_no_formula():
    figure = draw("curves", curves_of("$5 or $6", "Pro"))
    assert any("$5 or $6" in text for text in texts(figure))
    assert not any(text.get_parse_math() for text in figure.findobj(Text) if "$" in text.get_text())


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_nothing_to_draw_is_said(kind):
    result = EXAMPLES[kind][0]
    empty = result.with_table(result.table.assign(estimate=math.nan))
    assert figures.alt(empty, kind=kind, words=WORDS) == "An empty figure: every group is too small to show."
    if kind != "waterfall":
        with pytest.raises(ValueError, match=r"to draw"):
            draw(kind, empty)


@pytest.mark.parametrize(("kind", "result"), [(kind, result) for kind in EXAMPLES for result in EXAMPLES[kind]])
def test_alt_text_is_short_and_harmless(kind, result):
    text = figures.alt(result, kind=kind, words=WORDS)
    assert 20 < len(text) <= 400
    assert not set(text) & set("\"'[]{}<>`\\*_|\n")
    assert "nan" not in text


def test_alt_text_says_the_numbers():
    said = figures.alt(curves_of("Annual", "Monthly"), kind="curves", words=WORDS)
    assert "Annual: 100% at 0 months, 88% (86 to 90%) at 12 months." in said
    said = figures.alt(EXAMPLES["waterfall"][0], kind="waterfall", words=WORDS)
    assert "£1 m at the opening to £1.16 m at the close" in " ".join(said.split())
    assert "churn −£200k" in said
    said = figures.alt(segments_of(), kind="heatmap", words=WORDS)
    assert "grr: from 80% for A very long name of a plan that has to be broken to 95% for Basic." in said
    said = figures.alt(triangle_of(6), kind="triangle", words=WORDS)
    assert "Jan 2024: 84% at 5 months." in said


def test_alt_text_counts_what_it_leaves_out():
    result = intervals_of({f"A group with a rather long name, number {place}": 0.01 * place for place in range(20)})
    said = figures.alt(result, kind="intervals", words=WORDS)
    left_out = int(re.search(r"And (\d+) more\.$", said)[1])
    assert said.count("A group") + left_out == 20


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind must be one of"):
        figures.alt(grid_of(), kind="pie", words=WORDS)


def test_sparkline_marks_the_last_value_and_leaves_gaps():
    drawn = figures.sparkline([1.0, 2.0, None, 3.0]).decode()
    assert drawn.count("M") == 2
    assert 'cy="4.0"' in drawn  # the last is the highest
    assert figures.sparkline([1.0, 2.0, None, 3.0]).decode() == drawn
    with pytest.raises(ValueError, match="at least one"):
        figures.sparkline([None])


@given(st.lists(st.floats(-1, 6), min_size=1, max_size=8), st.floats(0.1, 0.5))
def test_spread_labels_keep_their_distance_and_order(wanted, gap):
    placed = theme.spread(wanted, gap=gap, low=0.0, high=5.0)
    order = sorted(range(len(wanted)), key=lambda index: (wanted[index], index))
    for before, after in itertools.pairwise(order):
        assert placed[after] - placed[before] >= gap - 1e-9
    assert min(placed) >= -1e-9
    assert max(placed) <= 5 + 1e-9


@settings(max_examples=25)
@given(st.text(max_size=60), st.floats(0.4, 4.0), st.integers(1, 3))
def test_wrapped_text_fits(text, width, lines):
    fitted = theme.wrap(text, width=width, size=10, lines=lines)
    assert fitted.count("\n") < lines
    assert theme.text_width(fitted, 10) <= width + 1e-9


@pytest.mark.parametrize(
    ("low", "high", "unit", "expected"),
    [
        (0.0, 1.0, "share", ["0%", "20%", "40%", "60%", "80%", "100%"]),
        (0.96, 1.02, "share", ["96%", "97%", "98%", "99%", "100%", "101%", "102%"]),
        (0.0, 0.012, "share", ["0.0%", "0.2%", "0.4%", "0.6%", "0.8%", "1.0%", "1.2%"]),
        (0.0, 1.5e6, "money", ["£0", "£250k", "£500k", "£750k", "£1m", "£1.25m", "£1.5m"]),
        (-0.1, 0.1, "points", ["−10", "−5", "0", "5", "10"]),
    ],
)
def test_ticks_are_round_and_carry_the_digits_they_need(low, high, unit, expected):
    assert theme.ticks(low, high, unit, WORDS)[1] == expected


def test_colours_stand_out_from_the_card():
    def luminance(colour: str) -> float:
        parts = matplotlib.colors.to_rgb(colour)
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    # WCAG 2.2: 3 to 1 for marks, 4.5 to 1 for text
    for colours, least in ((theme.GROUPS, 3.0), ((theme.UNCLEAR,), 3.0), ((theme.INK, theme.MUTED), 4.5)):
        for colour in colours:
            assert 1.05 / (luminance(colour) + 0.05) >= least, colour


def test_a_block_of_columns_leaves_out_rows_that_have_nothing_in_it():
    extra = pd.DataFrame(
        [("plan", "Basic", f"grr_due_{place}", 0.9, "share", 90) for place in range(4)],
        columns=["attribute", "level", "metric", "estimate", "unit", "n"],
    )
    result = segments_of()
    figure = draw("heatmap", result.with_table(pd.concat([result.table, extra])), narrow=True)
    assert len(figure.axes) == 2
    assert texts(figure).count("Basic") == 2
    assert texts(figure).count("other") == 1


def test_sections_are_headed_by_the_label_that_comes_with_the_result():
    table = pd.DataFrame(
        {
            "attribute": ["mrr_band", "plan"],
            "level": ["low", "Pro"],
            "estimate": [0.1, 0.2],
            "attribute_label": ["MRR at the start", "Plan"],
        }
    )
    result = Result("contrast", table, ("attribute", "level"), "points", None, "accounts")
    shown = texts(figures.intervals(result, words=WORDS, section="attribute", labels={"plan": "Contract"}))
    assert {"MRR at the start", "Contract"} <= set(shown)
