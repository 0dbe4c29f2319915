"""The chapters' sentences: every word that a number could flip, flipped."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from customer_value.stats.result import Result
from customer_value.strategy import answers, established
from customer_value.strategy.wording import Words

WORDS = Words(currency="GBP")
SPAN = {"start": date(2023, 12, 31), "end": date(2024, 12, 31)}


def result(rows, keys, unit="share", **more):
    table = pd.DataFrame(rows)
    for column in ("estimate", "low", "high", "n"):
        if column not in table:
            table[column] = np.nan
    return Result(name="made", table=table, keys=keys, unit=unit, level=0.95, n_of="accounts", **more)


def retention(net, low, high, *, few=False, due_n=100, **more):
    rows = [
        {"metric": "net", "estimate": net, "low": low, "high": high, "n": 200, "few_accounts": few,
         "largest_share": 0.3, "effective_n": 12.0, "events": 20},
        {"metric": "gross", "estimate": 0.9, "low": 0.85, "high": 0.93, "n": 200, "few_accounts": few, "events": 20},
        {"metric": "logo", "estimate": 0.9, "low": 0.85, "high": 0.93, "n": 200, "few_accounts": False, "events": 20},
        {"metric": "net_due", "estimate": 0.8, "low": 0.7, "high": 0.9, "n": due_n, "few_accounts": few, "events": 20},
        {"metric": "gross_movements", "estimate": 0.8, "low": 0.7, "high": 0.9, "n": 200, "events": 30},
        {"metric": "returned", "estimate": 0.01, "n": 200, "events": 2},
    ]  # fmt: skip
    return result(rows, ("metric",), **more)


@pytest.mark.parametrize(
    ("net", "said"),
    [((1.1, 1.05, 1.15), "10% more"), ((0.9, 0.85, 0.95), "10% less"), ((1.0, 0.95, 1.05), "about as much")],
)
def test_net_headline_follows_the_interval(net, said) -> None:
    assert said in answers.net_headline(retention(*net), words=WORDS)


def test_net_detail_says_whom_and_when() -> None:
    said = answers.net_detail(retention(1.1, 1.05, 1.15), **SPAN, words=WORDS)
    assert "£110" in said
    assert "20 of 200 accounts left" in said
    assert "31 December 2023" in said
    assert "few accounts" not in said
    assert "few accounts" in answers.net_detail(retention(1.1, 1.05, 1.15, few=True), **SPAN, words=WORDS)


def test_due_branches() -> None:
    assert "Every account" in answers.among_due(retention(1, 0.9, 1.1, due_n=200), words=WORDS)
    assert "100 of 200" in answers.among_due(retention(1, 0.9, 1.1, due_n=100), words=WORDS)
    assert "none was free" in answers.among_due(retention(1, 0.9, 1.1, due_n=0), words=WORDS)


@pytest.mark.parametrize(
    ("gross", "growth", "said"),
    [
        ("high", "low", "grows little"),
        ("low", "high", "ever more growth"),
        ("low", "low", "loses much and grows little"),
        ("high", "high", "grows well"),
        ("unclear", "high", "Expansion is strong. On gross retention no verdict"),
        ("unclear", "unclear", "gross retention and expansion"),
    ],
)
def test_decomposition_says_which_kind(gross, growth, said) -> None:
    rows = [
        {"part": "gross", "estimate": 0.9, "low": 0.85, "high": 0.95, "cut": 0.9, "verdict": gross},
        {"part": "expansion", "estimate": 0.1, "low": 0.05, "high": 0.15, "cut": 0.1, "verdict": growth},
        {"part": "net", "estimate": 1.0, "low": 0.9, "high": 1.1, "cut": np.nan, "verdict": None},
    ]
    assert said in answers.decomposition(result(rows, ("part",)), words=WORDS)


@pytest.mark.parametrize(
    ("gap", "said"),
    [((0.05, 0.01, 0.09), "paid more"), ((-0.05, -0.09, -0.01), "paid less"), ((0.01, -0.02, 0.04), "neither")],
)
def test_size_of_leavers_is_never_assumed(gap, said) -> None:
    lost = result(
        [
            {
                "measure": "logo_churn",
                "end_kind": "all",
                "estimate": 0.1,
                "low": 0.08,
                "high": 0.13,
                "events": 20,
                "n": 200,
            },
            {
                "measure": "revenue_churn",
                "end_kind": "all",
                "estimate": 0.12,
                "low": 0.1,
                "high": 0.2,
                "events": 20,
                "n": 200,
            },
        ],
        ("measure", "end_kind"),
    )
    size = result(
        [
            {"measure": "revenue_minus_logo", "estimate": gap[0], "low": gap[1], "high": gap[2], "unit": "points"},
            {"measure": "size_ratio", "estimate": 1.2, "low": 0.9, "high": 1.5, "unit": "ratio"},
        ],
        ("measure",),
        unit="by row",
    )
    assert said in answers.churn(lost, size, words=WORDS)


def test_quick_ratio_without_losses() -> None:
    none = result([{"measure": "quick_ratio", "unit": "ratio"}], ("measure",), unit="by row")
    assert "no meaning" in answers.quick_ratio(none, words=WORDS)


def test_winds_name_groups_safely() -> None:
    rows = [
        {
            "attribute": "all",
            "level": "all",
            "measure": "headwind",
            "estimate": 0.1,
            "verdict": None,
            "few_accounts": False,
        },
        {
            "attribute": "plan",
            "level": "<b>Pro",
            "measure": "headwind",
            "estimate": 0.3,
            "verdict": "high",
            "few_accounts": False,
        },
    ]
    said = answers.winds(result(rows, ("attribute", "level", "measure")), words=WORDS)
    assert "lose clearly more" in said
    assert "<b>" not in said


def contrast(**given):
    row = {
        "attribute": "plan", "level": "Basic 2", "metric": "grr", "estimate": -0.1, "low": -0.2, "high": -0.05, "n": 60,
        "n_rest": 90, "group_share": 0.7, "rest_share": 0.8, "p": 0.001, "p_adjusted": 0.004, "few_accounts": False,
        "money": 1000.0, "money_low": 200.0, "money_high": 2000.0, "target": "group", "attribute_label": "Plan",
        "known_at": "start",
    }  # fmt: skip
    return row | given


def contrasts(*rows):
    return result(list(rows), ("attribute", "level", "metric"), unit="points")


def test_segments_headline_names_the_clearest_or_none() -> None:
    clear = contrasts(contrast(), contrast(metric="nrr", p=0.5, p_adjusted=0.5))
    assert "keep less of their revenue" in answers.segments_headline(clear, words=WORDS)
    assert "1 is clear" in answers.segments_detail(clear, **SPAN, words=WORDS)
    for none in (contrasts(contrast(p_adjusted=0.2)), contrasts(contrast(few_accounts=True))):
        assert answers.segments_headline(none, words=WORDS).startswith("No group")
        assert "no proof of sameness" in answers.segments_detail(none, **SPAN, words=WORDS)


def test_every_contrast_becomes_a_finding() -> None:
    shown = contrast()
    small = contrast(level="Tiny", estimate=np.nan, low=np.nan, high=np.nan, p=np.nan, p_adjusted=np.nan, money=np.nan,
                     money_low=np.nan, money_high=np.nan)  # fmt: skip
    unsure = contrast(level="Same", low=-0.2, high=0.1)
    found = established.segment_contrasts(contrasts(shown, small, unsure))
    assert [finding.direction for finding in found] == ["lower", "unknown", "none"]
    assert [finding.shown for finding in found] == [True, False, True]
    assert all(finding.design == "C" and not any(c.isdigit() for c in finding.id) for finding in found)
    assert (found[0].money_low, found[0].money, found[0].money_high) == (200, 1000, 2000)


def test_facts_carry_annual_money_and_say_what_is_missing() -> None:
    waterfall = result([{"movement": "reactivation", "estimate": 50.0, "n": 2}], ("movement",), unit="money")
    parts = result(
        [
            {"movement": "contraction", "part": "seats", "estimate": -30.0, "n": 4},
            {"movement": "contraction", "part": "price", "estimate": 5.0, "n": 1},
            {"movement": "expansion", "part": "addon", "estimate": 70.0, "n": 9},
        ],
        ("movement", "part"),
        unit="money",
    )
    influence = result([{"measure": "top_ten_share", "estimate": 0.2, "n": 90, "few_accounts": False, "unit": "share"}],
                       ("measure",), unit="by row")  # fmt: skip
    lost = [
        {"end_kind": "involuntary", "reason": "Card", "estimate": 40.0, "n": 3},
        {"end_kind": "voluntary", "reason": "Price", "estimate": 90.0, "n": 5},
    ]
    options = {"waterfall": waterfall, "parts": parts, "influence": influence, **SPAN, "words": WORDS}
    found = established.revenue_facts(reasons=result(lost, ("end_kind", "reason"), unit="money"), **options)
    money = {finding.metric: finding.money for finding in found if finding.money is not None}
    assert money == {
        "involuntary_churn": 480,
        "voluntary_churn": 1080,
        "revenue_lost_by_reason": 1080,
        "downgrade_seats": 360,
        "expansion_addon": 840,
        "reactivation": 600,
    }
    silent = [{"end_kind": "not stated", "reason": "not stated", "estimate": 9.0, "n": 1}]
    found = established.revenue_facts(reasons=result(silent, ("end_kind", "reason"), unit="money"), **options)
    assert [finding.needs for finding in found if finding.kind == "not_studied"] == [("subscriptions.end_kind",)]
