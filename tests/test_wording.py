"""Numbers as words: rounding at its boundaries, ranges, directions, untrusted text."""

from __future__ import annotations

import html
import math
import re
from datetime import date, datetime

import pandas as pd
import pypandoc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_value.strategy.wording import MINUS, UNKNOWN, Words

POUNDS = Words(currency="GBP")
PLAIN = Words()
AMERICAN = Words(locale="en-US", currency="USD")

MISSING = (None, math.nan, math.inf, pd.NA)
numbers = st.floats(-1e12, 1e12)


@pytest.mark.parametrize(
    ("x", "digits", "text"),
    [
        (0.84, 0, "84%"),
        (0.845, 0, "85%"),
        (0.285, 0, "29%"),  # 0.285 is 0.28499… in binary
        (0.845, 1, "84.5%"),
        (1, 0, "100%"),
        (0, 0, "0%"),
        (1.2, 0, "120%"),
        (0.996, 0, "99.6%"),
        (0.9999, 0, "99.99%"),
        (0.99999, 0, "over 99.99%"),
        (0.004, 0, "0.4%"),
        (0.00001, 0, "under 0.01%"),
        (1.004, 0, "100.4%"),
        (-0.05, 0, f"{MINUS}5%"),
    ],
)
def test_a_share_reads_all_or_none_only_if_it_is(x: float, digits: int, text: str) -> None:
    assert PLAIN.share(x, digits) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.82, 0.85, "82 to 85%"),
        (0.841, 0.844, "84.1 to 84.4%"),
        (0.8, 0.8, "80%"),
        (0.999999, 1.09, "100 to 109%"),
    ],
)
def test_a_range_of_shares(low: float, high: float, text: str) -> None:
    assert PLAIN.shares(low, high) == text


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (546_213, "£546k"),
        (728_906, "£729k"),
        (9_994, "£9,994"),
        (9_995, "£10k"),
        (999_499, "£999k"),
        (999_500, "£1 m"),
        (1_234_567, "£1.23 m"),
        (2_500_000_000, "£2.5 bn"),
        (84, "£84"),
        (0.5, "£0.50"),
        (0, "£0"),
        (-25_000, f"{MINUS}£25k"),
    ],
)
def test_money_carries_three_digits(x: float, text: str) -> None:
    assert POUNDS.money(x).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (410_000, 680_000, "£0.4–0.7 m"),
        (400_000, 520_000, "£400–520k"),
        (1_230_000, 1_290_000, "£1.23–1.29 m"),
        (950_000, 1_400_000, "£1.0–1.4 m"),
        (410, 680, "£400–700"),
        (0, 300_000, "£0–0.3 m"),
        (20_000, 1_200_000, "£20k to £1.2 m"),  # one step for both would turn the lower end into nothing
        (-20_000, 50_000, f"{MINUS}£20k to £50k"),
        (-700_000, -400_000, f"{MINUS}£0.7 m to {MINUS}£0.4 m"),
        (500_000, 500_000, "£500k"),
        (680_000, 410_000, "£0.4–0.7 m"),
        (0, 0, "£0"),
    ],
)
def test_a_range_of_money_is_rounded_to_what_it_carries(low: float, high: float, text: str) -> None:
    assert POUNDS.money_range(low, high).replace("\u00a0", " ") == text


def test_money_in_other_dress() -> None:
    assert POUNDS.money_exact(728_906.4) == "£728,906"
    assert [POUNDS.money_axis(x) for x in (0, 250_000, 1_500_000, -5_000)] == ["£0", "£250k", "£1.5m", f"{MINUS}£5k"]
    assert [Words(currency=code).currency_sign for code in ("GBP", "usd", "CHF", "", None)] == [
        "£",
        "$",
        "CHF\u00a0",
        "",
        "",
    ]
    assert PLAIN.money(546_213) == "546k"


def test_points_are_not_percentages() -> None:
    assert PLAIN.points(0.031) == "3.1 percentage points"
    assert PLAIN.points(0.01) == "1 percentage point"
    assert PLAIN.points(-0.05) == f"{MINUS}5 percentage points"


@pytest.mark.parametrize(
    ("values", "unit", "text"),
    [
        ((0.84, 0.82, 0.85), "share", "84% (82 to 85%)"),
        ((14, 12, 17), "months", "14 months (12 to 17)"),
        ((0.031, 0.01, 0.052), "points", "3.1 percentage points (1.0 to 5.2)"),
        ((546_213, 410_000, 680_000), "money", "£546k (£0.4–0.7\u00a0m)"),
        ((1.25, 1.1, 1.4), "ratio", "1.25 (1.10 to 1.40)"),
        ((12, None, 17), "count", "12"),
        ((None, 1, 2), "count", UNKNOWN),
    ],
)
def test_an_estimate_with_its_interval(values: tuple[float, float, float], unit: str, text: str) -> None:
    assert POUNDS.interval(*values, unit) == text


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="unit must be share, money"):
        PLAIN.value(1, "furlongs")


def test_out_of_100_becomes_out_of_1000_rather_than_all() -> None:
    assert PLAIN.out_of_100(0.84, 0.82, 0.85, "stayed") == "out of 100 accounts, 84 stayed (82 to 85)"
    assert PLAIN.out_of_100(0.997, 0.99, 0.999, "stayed") == "out of 1,000 accounts, 997 stayed (990 to 999)"
    assert PLAIN.out_of_100(1, 0.9, 1, "stayed") == "out of 100 accounts, 100 stayed (90 to 100)"
    assert PLAIN.out_of_100(0.84, None, None, "stayed") == "out of 100 accounts, 84 stayed"


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(0.01, 0.1, "higher"), (0, 0.1, "no clear difference"), (-0.1, 0, "no clear difference"), (-0.1, -0.01, "lower")],
)
def test_a_direction_needs_the_whole_interval_on_one_side(low: float, high: float, word: str) -> None:
    assert PLAIN.compare((low + high) / 2, low, high) == word
    assert PLAIN.compare(1 + (low + high) / 2, 1 + low, 1 + high, none=1) == word


def test_small_words() -> None:
    assert PLAIN.count(11, 664) == "11 of 664"
    assert PLAIN.list(["a", "b", "c"]) == "a, b and c"
    assert AMERICAN.list(["a", "b", "c"]) == "a, b, and c"
    assert (PLAIN.list([]), PLAIN.list(["a"]), PLAIN.list("ab")) == ("none", "a", "a and b")
    assert [PLAIN.plural(n, "company") for n in (0, 1, 2_000)] == ["no companies", "1 company", "2,000 companies"]
    assert [PLAIN.months(x) for x in (1, 3.5, 14.4)] == ["1 month", "3.5 months", "14 months"]


def test_dates_and_spelling_follow_the_locale() -> None:
    day = date(2024, 1, 31)
    assert (PLAIN.date(day), AMERICAN.date(day)) == ("31 January 2024", "January 31, 2024")
    assert PLAIN.month(datetime(2024, 1, 31, 12)) == "Jan 2024"
    assert PLAIN.date(pd.NaT) == UNKNOWN
    assert PLAIN.spelling("Organisations prioritise") == "Organisations prioritise"
    assert AMERICAN.spelling("Organisations prioritise") == "Organizations prioritize"


def test_an_unknown_locale_is_refused() -> None:
    with pytest.raises(ValueError, match="locale must be one of"):
        Words(locale="de-DE")


@pytest.mark.parametrize("x", MISSING[:3])
def test_missing_values_are_said_to_be_unknown(x: float | None) -> None:
    texts = [PLAIN.share(x), PLAIN.money(x), PLAIN.number(x), PLAIN.points(x), PLAIN.months(x), PLAIN.money_exact(x)]
    texts += [PLAIN.shares(x, 1), PLAIN.money_range(x, 1), PLAIN.compare(x, 0, 1), PLAIN.count(x, 1)]
    assert set(texts) == {UNKNOWN}
    assert PLAIN.money_axis(x) == ""


@given(numbers, numbers)
def test_no_number_reads_as_nan_or_minus_nothing(x: float, y: float) -> None:
    low, high = sorted((x, y))
    texts = [POUNDS.money(x), POUNDS.money_range(low, high), POUNDS.share(x), POUNDS.shares(low, high)]
    texts += [POUNDS.points(x), POUNDS.months(x), POUNDS.number(x), POUNDS.money_axis(x)]
    for text in texts:
        assert not re.search(r"nan|inf|e[+-]\d", text)
        assert not re.fullmatch(rf"{MINUS}£?[0.,]*%?", text)


@given(st.floats(1, 1e10), st.floats(0, 1e10))
def test_a_range_of_money_stays_near_its_ends(low: float, width: float) -> None:
    text = POUNDS.money_range(low, low + width).replace("\u00a0", " ").replace("£", "")
    scale = {"k": 1e3, "m": 1e6, "bn": 1e9}
    ends = re.findall(r"([\d.,]+) ?(k|m|bn)?", text)
    suffix = ends[-1][1]
    ends = [
        float(value.replace(",", "")) * scale.get(own or ("" if " to " in text else suffix), 1.0) for value, own in ends
    ]
    assert ends[0] == pytest.approx(low, abs=width / 4 + 1, rel=0.06)
    assert ends[-1] == pytest.approx(low + width, abs=width / 4 + 1, rel=0.06)


HOSTILE = [
    "<script>alert('x')</script>",
    '" onload="x',
    "[a](http://b.c) ![i](j.png) *b* _i_ `c` ~s~ ^u^",
    "a | b",
    "$x^2$ @fig-x # no",
    "::: {.card}",
    "1. one",
    "\\newpage --- ...",
    "{{< include x >}}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_untrusted_text_shows_as_itself(text: str) -> None:
    escaped = PLAIN.escape(text)
    assert html.unescape(escaped) == text
    shown = pypandoc.convert_text(escaped, "html", format="markdown", extra_args=["--wrap=none"])
    assert html.unescape(re.fullmatch(r"<p>(.*)</p>\s*", shown, flags=re.DOTALL)[1]) == text
    assert not re.search(r"<(?!/?p>)", shown)


@given(st.text())
def test_escaped_text_has_no_mark_left(text: str) -> None:
    escaped = PLAIN.escape(text)
    assert not re.search(r"[<>\"'`*_\[\]()|$@\\~^{}\n\r\u202e]", escaped)
    assert "&" not in re.sub(r"&#\d+;", "", escaped)
