"""When accounts leave and whether later cohorts stay longer: every word that a number could flip, flipped."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from customer_value.stats.result import Result
from customer_value.strategy.answers import cohort_trend as trends
from customer_value.strategy.answers import leaving_by_age as leaving
from customer_value.strategy.decisions import decide
from customer_value.strategy.established import cohort_survival as established
from customer_value.strategy.wording import Words

WORDS = Words(currency="GBP")
UP, DOWN, NONE, MISSING = (0.03, 0.01, 0.05), (-0.03, -0.05, -0.01), (0.01, -0.02, 0.04), (np.nan,) * 3


def trend_of(raw, adjusted, *, size=(1.0, 0.9, 1.1), scatter=1.0) -> Result:
    rows = [
        dict(zip(("estimate", "low", "high"), found, strict=True)) | {"kind": kind, "adjusted_for": labels}
        for kind, found, labels in (("raw", raw, ""), ("adjusted", adjusted, "First plan · Channel"))
    ]
    table = pd.DataFrame(rows).assign(n=900, p=0.01, retention=0.8, scatter=scatter, ratio=0.9)
    table = table.assign(**dict(zip(("size_ratio", "size_low", "size_high"), size, strict=True)))
    table["agrees"] = raw == adjusted and raw != NONE
    return Result("cohort_trend", table, ("kind",), "points", 0.95, "accounts")


@pytest.mark.parametrize(
    ("raw", "adjusted", "said"),
    [
        (UP, UP, "improving: later cohorts stay longer, and not only because they are other customers"),
        (DOWN, DOWN, "deteriorating: later cohorts stay less long, and not only because"),
        (UP, NONE, "stay longer, but at an equal mix of customers no clear difference is left"),
        (DOWN, NONE, "rather than worse keeping"),
        (NONE, UP, "At an equal mix of customers later cohorts stay longer; as they are it does not show"),
        (UP, DOWN, "As they are, later cohorts stay longer; at an equal mix of customers less long"),
        (NONE, NONE, "No clear trend"),
        (MISSING, MISSING, "cannot be told"),
        (UP, MISSING, "improving: later cohorts stay longer.**"),
    ],
)
def test_trend_headline_follows_both_ranges(raw, adjusted, said) -> None:
    text = trends.headline(trend_of(raw, adjusted), age=12, words=WORDS)
    assert said in text
    assert "nan" not in text
    assert "not known" not in text


def test_trend_is_said_out_of_a_hundred_with_its_range() -> None:
    text = trends.headline(trend_of(UP, NONE), age=12, words=WORDS)
    assert "Of 100 accounts 80 are still here at 12 months" in text
    assert "3.0 more (1.0 to 5.0 more)" in text
    assert "1.0 more (2.0 fewer to 4.0 more)" in text
    assert "3.0 fewer (1.0 to 5.0 fewer)" in trends.headline(trend_of(DOWN, DOWN), age=12, words=WORDS)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((1.2, 1.1, 1.3), "did become larger"),
        ((0.8, 0.7, 0.9), "became smaller"),
        ((1.0, 0.9, 1.1), "is not clear"),
        (MISSING, "Made alike in first plan and channel"),
    ],
)
def test_whether_customers_became_larger_is_reckoned(size, said) -> None:
    assert said in trends.detail(trend_of(UP, UP, size=size), words=WORDS)


def test_scatter_of_months_is_said_either_way() -> None:
    assert "1.5 times as wide" in trends.detail(trend_of(UP, UP, scatter=1.5), words=WORDS)
    assert "hardly more than chance" in trends.detail(trend_of(UP, UP), words=WORDS)
    assert trends.detail(trend_of(MISSING, MISSING), words=WORDS) == ""
    assert trends.shown(trend_of(MISSING, MISSING)).table.empty


def test_scatter_is_that_of_the_raw_trend_where_there_is_no_adjusted_one() -> None:
    trend = trend_of(UP, MISSING, scatter=1.5)
    trend = trend.with_table(trend.table.assign(scatter=[1.5, np.nan]))
    assert "1.5 times as wide" in trends.detail(trend, words=WORDS)


@pytest.mark.parametrize(("raw", "adjusted", "design"), [(UP, UP, "B"), (UP, NONE, "C"), (NONE, NONE, "C")])
def test_a_trend_is_one_contrast_that_is_watched(raw, adjusted, design) -> None:
    (finding,) = established.cohort_trend(trend_of(raw, adjusted), age=12, words=WORDS)
    assert finding.design == design
    assert finding.estimate == adjusted[0]
    assert finding.p == 0.01
    decided = decide([finding], tables=("subscriptions",)).ranked
    assert [each.certainty for each in decided] == ["Watch"]
    assert established.cohort_trend(trend_of(MISSING, MISSING), age=12, words=WORDS) == []


def shape_of(**about) -> Result:
    row = {"level": "monthly", "shape": "falling", "form": "phase", "estimate": 2.0, "low": 1.5, "high": 2.6}
    row |= {"early": 0.04, "late": 0.02, "early_to": 3, "turn": 3.0, "turn_low": 2.0, "turn_high": 5.0}
    row |= {"step": 1, "n": 800, "events": 200, "start": 0, "seen_to": 40}
    return Result("hazard_shape", pd.DataFrame([row | about]), ("level",), "ratio", 0.95, "accounts")


ENDS = {"turn": np.nan, "turn_low": np.nan, "turn_high": np.nan}


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({}, "leave faster at first: of 100 still there, 4.0 leave a month up to 3 months of age, 2.0 after that"),
        ({}, "may lie anywhere from 2 to 5 months"),
        ({"turn_high": np.nan}, "lies at 2 months or later"),
        ({"shape": "rising", "early": 0.01}, "leave more slowly at first"),
        ({"form": "trend", **ENDS}, "Up to 40 months, the last age seen, no steady rate is reached"),
        ({"form": "either", **ENDS}, "Whether the rate has become steady at some age cannot be told"),
        ({"shape": "rising", "form": "trend", **ENDS}, "leave more the longer they have been here"),
        ({"shape": "constant", "form": "constant", **ENDS}, "leave at about one rate at all ages seen"),
        ({"shape": "unknown", "form": "constant", "low": 0.7, **ENDS}, "cannot be told"),
        ({"shape": "unknown", "form": "constant", **ENDS}, "one look among many"),
        ({"shape": "unknown", "events": 0, "low": np.nan, "high": np.nan}, "none left"),
        ({"shape": "unknown", "seen_to": 0}, "too few are followed long enough"),
        ({"step": 12}, "leave at the end of each 12 months"),
        ({"level": leaving.EVERYONE}, "Accounts leave faster at first"),
    ],
)
def test_shapes_in_words(about, said) -> None:
    text = leaving.shapes(shape_of(**about), reading="followed", words=WORDS)
    assert said in text
    assert "nan" not in text
    assert "not known" not in text


def test_an_undeclared_table_is_said_first_and_bars_decisions() -> None:
    assert leaving.shapes(shape_of(level=leaving.EVERYONE), reading="undeclared", words=WORDS).startswith(
        "As the table has it, which may not be retention: accounts leave faster"
    )
    (finding,) = established.shapes(shape_of(), reading="undeclared", words=WORDS)
    assert not finding.retention_known
    assert (finding.kind, finding.estimate) == ("estimate", 2.0)
    assert established.shapes(shape_of(shape="unknown"), reading="followed", words=WORDS) == []


def test_caption_names_the_shapes_or_says_there_is_none() -> None:
    assert leaving.caption(shape_of(), words=WORDS).startswith("**Monthly accounts leave faster at first.**")
    assert leaving.caption(shape_of(shape="unknown"), words=WORDS).startswith("**No shape can be told")
