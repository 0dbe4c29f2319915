"""The chapters' sentences: every word that a number could flip, flipped."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from customer_value.stats.result import Result
from customer_value.strategy.answers import cohort_survival, data_quality, revenue, segments
from customer_value.strategy.decisions import decide
from customer_value.strategy.established import cohort_survival as established_stays
from customer_value.strategy.established import revenue as established_revenue
from customer_value.strategy.established import segments as established_segments
from customer_value.strategy.wording import Words

WORDS = Words(currency="GBP")
SPAN = {"start": date(2023, 12, 31), "end": date(2024, 12, 31)}


def result(rows, keys, unit="share", *, columns=None, **more):
    table = pd.DataFrame(rows, columns=columns)
    for column in ("estimate", "low", "high", "n"):
        if column not in table:
            table[column] = np.nan
    given = {"name": "made", "level": 0.95, "n_of": "accounts"} | more
    return Result(table=table, keys=keys, unit=unit, **given)


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
    [
        ((1.1, 1.05, 1.15), "10% more"),
        ((0.9, 0.85, 0.95), "10% less"),
        ((1.0, 0.95, 1.05), "neither clearly more"),
    ],
)
def test_net_headline_follows_the_interval(net, said) -> None:
    assert said in revenue.headline(retention(*net), words=WORDS)


def test_net_detail_says_whom_and_when() -> None:
    said = revenue.detail(retention(1.1, 1.05, 1.15), **SPAN, words=WORDS)
    assert "£110" in said
    assert "20 of 200 accounts left" in said
    assert "31 December 2023" in said
    assert "few accounts" not in said
    assert "few accounts" in revenue.detail(retention(1.1, 1.05, 1.15, few=True), **SPAN, words=WORDS)


def test_due_branches() -> None:
    assert "Every account" in revenue.among_due(retention(1, 0.9, 1.1, due_n=200), words=WORDS)
    assert "100 of 200" in revenue.among_due(retention(1, 0.9, 1.1, due_n=100), words=WORDS)
    assert "none was free" in revenue.among_due(retention(1, 0.9, 1.1, due_n=0), words=WORDS)
    unstated = without_terms(retention(1, 0.9, 1.1))
    assert revenue.among_due(unstated, words=WORDS) == ""
    assert revenue.kept_rows(unstated) is unstated


def without_terms(made):
    return made.with_table(made.table[~made.table["metric"].str.endswith("_due")])


def test_movements_beside_the_closed_group_say_whether_they_differ() -> None:
    apart = retention(1, 0.9, 1.1)
    assert "the figure is 80.0%" in revenue.beside_movements(apart, words=WORDS)
    alike = apart.with_table(
        apart.table.assign(estimate=apart.table["estimate"].where(apart.table["metric"] != "gross", 0.8001))
    )
    said = revenue.beside_movements(alike, words=WORDS)
    assert "the figure is the same" in said
    assert "never compare" not in said


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
    assert said in revenue.decomposition(result(rows, ("part",)), words=WORDS)


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
    assert said in revenue.churn(lost, size, words=WORDS)


def test_quick_ratio_without_losses() -> None:
    none = result([{"measure": "quick_ratio", "unit": "ratio"}], ("measure",), unit="by row")
    assert "no meaning" in revenue.quick_ratio(none, words=WORDS)


def wind(level, measure, estimate, quarter, *, attribute="plan"):
    return {"attribute": attribute, "level": level, "measure": measure, "estimate": estimate, "quarter": quarter}


def test_winds_say_where_groups_stand_and_what_is_clear() -> None:
    keys = ("attribute", "level", "measure")
    rows = [wind("all", measure, 0.1, None, attribute="all") for measure in ("headwind", "tailwind")]
    rows += [wind("<b>Pro", measure, 0.3, "leaks_and_grows") for measure in ("headwind", "tailwind")]
    rows += [wind("Basic", measure, 0.05, "keeps_and_stands") for measure in ("headwind", "tailwind")]

    def apart(p, *, few=False):
        row = {"attribute": "plan", "level": "<b>Pro", "measure": "headwind", "estimate": 0.2, "p": p}
        return result([row | {"p_adjusted": p, "few_accounts": few}], keys, unit="points")

    said = revenue.winds(result(rows, keys), apart(0.01), words=WORDS)
    assert "Pro” growing but leaking and “Basic” keeping but flat" in said
    assert "Pro” lose more; that is clear of chance" in said
    assert "<b>" not in said
    for unclear in (apart(0.2), apart(0.01, few=True)):
        assert "no difference is clear of chance" in revenue.winds(result(rows, keys), unclear, words=WORDS)


@pytest.mark.parametrize(
    ("few", "said"),
    [(False, "No few accounts decide the figures"), (True, "**A few accounts decide the revenue figures**")],
)
def test_influence_names_the_account_that_moves_net_retention_most(few, said) -> None:
    values = {"effective_n": 80, "top_ten_share": 0.4, "gini": 0.6, "net": 1.0, "net_without_largest": 1.0}
    values |= {"net_without_most_influential": 1.1}
    rows = [{"measure": name, "estimate": value, "few_accounts": few} for name, value in values.items()]
    accounts = [
        {"customer_id": "a", "name": "A <Ltd>", "estimate": 0.1, "net_without": 1.1},
        {"customer_id": "b", "name": None, "estimate": 0.2, "net_without": 1.0},
    ]
    text = revenue.influence(result(rows, ("measure",)), result(accounts, ("customer_id",)), words=WORDS)
    assert said in text
    assert "Net retention is 100.0% with or without the largest account." in text
    assert "without it, net retention would read 110.0%" in text
    assert "<Ltd>" not in text


@pytest.mark.parametrize(
    ("metric", "unit", "actual", "target", "said"),
    [
        ("mrr", "money", 110_000, 100_000, "£110k, against a target of £100k: reached, 10% above it."),
        ("mrr", "money", 90_000, 100_000, "missed, 10% below it."),
        ("churned_mrr", "money", 90_000, 100_000, "within it, 10% below it."),
        ("churned_mrr", "money", 110_000, 100_000, "beyond it, 10% above it."),
        ("nrr", "share", 1.02, 1.05, "missed, 3 percentage points below it."),
        ("mrr", "money", 100_000, 100_000, "against a target of £100k."),
    ],
)
def test_targets_say_what_was_reached(metric, unit, actual, target, said) -> None:
    met = actual <= target if metric in revenue.LOSSES else actual >= target
    row = {"metric": metric, "month": date(2024, 3, 1), "estimate": actual, "target": target, "unit": unit, "met": met}
    row |= {"gap": actual - target, "of_target": actual / target}
    before = row | {"month": date(2024, 2, 1), "estimate": target, "gap": 0, "of_target": 1, "met": True}
    text = revenue.targets(result([before, row], ("metric", "month"), unit="by row"), words=WORDS)
    assert text.endswith(said)
    assert "2024-03-01" not in text


def test_what_counts_states_currency_rates_and_free_accounts() -> None:
    options = {"grace_days": 31, "words": WORDS}
    plain = revenue.basis(never_paid=0, conversions={}, changed_currency=0, **options)
    assert "All money is in GBP." in plain
    assert "never paid" not in plain
    converted = {"USD": {"rate": 0.8, "accounts": 12}}
    said = revenue.basis(never_paid=41, conversions=converted, changed_currency=1, **options)
    assert "12 accounts in USD at 0.8 GBP for one USD" in said
    assert "41 accounts never paid anything and are in no figure" in said
    assert "1 account changed currency" in said


def test_winds_are_raw_contrasts_that_no_decision_follows_from() -> None:
    row = {"attribute": "plan", "attribute_label": "Plan", "level": "Pro", "measure": "headwind", "estimate": 0.2}
    row |= {"low": 0.1, "high": 0.3, "n": 90, "p": 1e-9, "p_adjusted": 1e-9, "few_accounts": False}
    small = row | {"level": "New", "estimate": np.nan, "low": np.nan, "high": np.nan, "n": 4, "p": np.nan}
    keys = ("attribute", "level", "measure")
    clear, hidden = established_revenue.winds(result([row, small], keys, unit="points"))
    assert (clear.direction, clear.design, clear.p, hidden.shown) == ("higher", "C", 1e-9, False)
    assert "show higher revenue lost" in clear.statement(WORDS)
    (decision,) = decide([clear, hidden]).ranked
    assert decision.certainty == "Watch"


def test_the_share_of_a_target_is_a_fact() -> None:
    rows = [{"metric": "churned_mrr", "month": date(2024, 3, 1), "of_target": 0.9, "estimate": 90.0}]
    (found,) = established_revenue.targets(result(rows, ("metric", "month"), unit="money"), words=WORDS)
    assert found.statement(WORDS) == "MRR of accounts lost in Mar 2024, as a share of its target: 90%."


def test_discounts_are_told_net() -> None:
    def made_of(**amounts):
        rows = [
            {"movement": movement, "part": part, "estimate": amount, "share": 0.5}
            for movement, part, amount in amounts["rows"]
        ]
        return revenue.parts(result(rows, ("movement", "part"), unit="money"), words=WORDS)

    seats = [("expansion", "seats", 900.0), ("contraction", "seats", -300.0)]
    given = made_of(rows=[*seats, ("expansion", "discount", 50.0), ("contraction", "discount", -250.0)])
    assert "Discounts given, less those that ended, took £200" in given
    assert "iscounts" not in made_of(rows=seats)
    assert "brought £50" in made_of(rows=[*seats, ("expansion", "discount", 50.0)])


def contrast(**given):
    row = {
        "attribute": "plan", "level": "Basic 2", "metric": "grr", "kind": "adjusted", "estimate": -0.1, "low": -0.2,
        "high": -0.05, "n": 60, "n_rest": 90, "group_share": 0.7, "rest_share": 0.8, "p": 0.001, "p_adjusted": 0.004,
        "few_accounts": False, "money": 1000.0, "money_low": 200.0, "money_high": 2000.0, "target": "group",
        "attribute_label": "Plan", "known_at": "start", "overlap": 0.9, "among_due": -0.1, "finer": -0.1,
        "agrees": True, "adjusted_for": "size, term", "raw": -0.1, "raw_p": 0.004,
    }  # fmt: skip
    return row | given


def contrasts(*rows):
    """Adjusted rows, each with a raw one before it: its estimate, or what is given as ``raw``."""
    table = []
    for row in rows:
        before = {"estimate": row["raw"], "p": row["raw_p"], "p_adjusted": row["raw_p"], "kind": "raw"}
        about = {key: value for key, value in row.items() if not key.startswith("raw")}
        table += [about | before | {"agrees": False, "overlap": np.nan, "adjusted_for": None}, about]
    return result(table, ("attribute", "level", "metric", "kind"), unit="points")


def test_segments_headline_names_the_clearest_or_none() -> None:
    clear = contrasts(contrast(), contrast(metric="nrr", p=0.5, p_adjusted=0.5, raw_p=0.5))
    assert "keep less of their revenue" in segments.headline(clear, words=WORDS)
    assert "in all. Before groups were made alike one was clear" in segments.detail(clear, **SPAN, words=WORDS)
    for none in (contrasts(contrast(p_adjusted=0.2, raw_p=0.2)), contrasts(contrast(few_accounts=True))):
        assert segments.headline(none, words=WORDS).startswith("No group")
        assert "no proof of sameness" in segments.detail(none, **SPAN, words=WORDS)


@pytest.mark.parametrize(
    ("alike", "usual", "finer", "said"),
    [
        (True, 0, 0, "All accounts pay the same"),
        (False, 0, 0, "no band holds enough accounts to be compared, so no other cut"),
        (False, 3, 0, "With one band more, no band holds enough accounts"),
        (False, 3, 2, "this is no full check"),
        (False, 3, 4, "Cutting them finer does not change the answer"),
    ],
)
def test_another_cut_compares_only_what_can_be_compared(alike, usual, finer, said) -> None:
    made = [
        contrasts(
            *[contrast(level=f"band {place}", p=0.001, p_adjusted=0.001) for place in range(count)],
            contrast(p=np.nan, p_adjusted=np.nan),
        )
        for count in (usual, finer)
    ]
    assert said in segments.another_cut(*made, alike=alike, words=WORDS)


@pytest.mark.parametrize(
    ("raw", "adjusted_for", "said"),
    [
        (-0.1, "size, term", "than others, also at equal size and contract term"),
        (-0.14, "size", "than others; about a third of the gap is their size"),
        (-0.2, "size, due, age", "about half of the gap is their size, whether the term came due and age"),
        (-0.3, "size", "about two thirds of the gap is their size"),
        (-0.9, "size", "most of the gap is their size"),
        (-0.05, "size", "than others, more so at equal size"),
        (0.1, "size", "at equal size, although it looks the other way"),
        (-0.1, "", "keep less of their revenue than others"),
    ],
)
def test_segments_headline_says_how_much_of_the_gap_is_left(raw, adjusted_for, said) -> None:
    assert segments.headline(contrasts(contrast(raw=raw, adjusted_for=adjusted_for)), words=WORDS).endswith(said)


def test_segments_say_what_no_longer_shows_among_like_accounts() -> None:
    unclear = {"p": 0.3, "p_adjusted": 0.3}
    one = contrasts(contrast(**unclear))
    assert segments.headline(one, words=WORDS).startswith("The one difference that shows is not clear")
    assert "one was clear once corrected for their number; among like accounts it no longer is" in segments.detail(
        one, **SPAN, words=WORDS
    )
    two = contrasts(contrast(**unclear), contrast(level="Pro", **unclear))
    assert segments.headline(two, words=WORDS).startswith("What looks like a difference")
    assert "2 were clear once corrected for their number; among like accounts none remains so" in segments.detail(
        two, **SPAN, words=WORDS
    )
    kept = segments.detail(contrasts(contrast(raw=-0.2), contrast(level="Pro", **unclear)), **SPAN, words=WORDS)
    assert "among like accounts 1 of them remain" in kept
    assert "compared as they are, 20 percentage points lower" in kept


def test_a_group_without_like_accounts_does_not_lead() -> None:
    alone = contrast(level="Pro", overlap=0.2, p=1e-9, p_adjusted=1e-8)
    assert "“Basic 2”" in segments.headline(contrasts(alone, contrast()), words=WORDS)
    assert segments.clearest_first(contrasts(alone, contrast())).table["level"].tolist() == ["Basic 2", "Pro"]
    assert segments.headline(contrasts(alone), words=WORDS).endswith("by the model more than by like accounts")


def test_groups_that_hardly_overlap_are_named() -> None:
    said = segments.overlapping(contrasts(contrast(), contrast(level="Pro", overlap=0.8)), words=WORDS)
    assert "at least 80% of all accounts are of a kind found on both sides" in said
    said = segments.overlapping(contrasts(contrast(), contrast(level="Pro", overlap=0.2)), words=WORDS)
    assert "1 of 2 groups hardly overlaps with the others: plan “Pro”" in said
    assert "only 20%" in said
    nothing = {"estimate": np.nan, "low": np.nan, "high": np.nan, "p": np.nan, "overlap": 0.0}
    said = segments.overlapping(contrasts(contrast(level="Pro", **nothing)), words=WORDS)
    assert said.startswith("Next to no like accounts are found for plan “Pro”: only the plain difference is known")


def test_every_contrast_becomes_a_finding() -> None:
    shown = contrast(raw=-0.3)
    nothing = dict.fromkeys(("estimate", "low", "high", "p", "p_adjusted", "money", "money_low", "money_high"), np.nan)
    small = contrast(level="Tiny", **nothing, raw=np.nan, agrees=False)
    unsure = contrast(level="Same", low=-0.2, high=0.1)
    apart = contrast(level="Apart", **nothing, raw=-0.3, overlap=0.0, agrees=False)
    against = contrast(level="Other", finer=0.02, among_due=0.1, agrees=False, overlap=0.3, few_accounts=True)
    found = established_segments.contrasts(contrasts(shown, small, unsure, apart, against), words=WORDS)
    assert [finding.direction for finding in found] == ["lower", "unknown", "none", "none", "lower"]
    assert [finding.shown for finding in found] == [True, False, True, True, True]
    # what nothing can be said of was looked at all the same
    assert [finding.p for finding in found] == [0.001, None, 0.001, 1.0, 0.001]
    assert [finding.design for finding in found] == ["B", "C", "B", "C", "C"]
    assert not any(c.isdigit() for finding in found for c in finding.id)
    assert (found[0].money_low, found[0].money, found[0].money_high) == (200, 1000, 2000)
    assert found[0].compared_with == "the other accounts at equal size and contract term"
    assert found[0].caveat == "Compared as they are, it is 30 percentage points lower."
    assert "there is no like to compare with like" in found[3].caveat
    assert "only 30% of all accounts" in found[4].caveat
    assert "the other way when compared as they are among those whose term came due and adjusted" in found[4].caveat
    assert "A few large accounts decide this figure." in found[4].caveat


def test_facts_carry_annual_money_and_say_what_is_missing() -> None:
    waterfall = result([{"movement": "reactivation", "estimate": 50.0, "n": 2}], ("movement",), unit="money")
    parts = result(
        [
            {"movement": "contraction", "part": "seats", "estimate": -30.0, "n": 4, "effective_n": 4.0},
            {"movement": "contraction", "part": "price", "estimate": 5.0, "n": 1, "effective_n": 1.0},
            {"movement": "expansion", "part": "addon", "estimate": 70.0, "n": 9, "effective_n": 9.0},
        ],
        ("movement", "part"),
        unit="money",
    )
    influence = result([{"measure": "top_ten_share", "estimate": 0.2, "n": 90, "few_accounts": False, "unit": "share"}],
                       ("measure",), unit="by row")  # fmt: skip
    lost = [
        {"end_kind": "involuntary", "reason": "Card", "estimate": 40.0, "n": 3, "effective_n": 3.0},
        {"end_kind": "voluntary", "reason": "Price", "estimate": 90.0, "n": 5, "effective_n": 5.0},
    ]
    options = {"waterfall": waterfall, "parts": parts, "influence": influence, **SPAN, "words": WORDS}
    found = established_revenue.revenue_facts(reasons=result(lost, ("end_kind", "reason"), unit="money"), **options)
    money = {finding.metric: finding.money for finding in found if finding.money is not None}
    assert money == {
        "involuntary_churn": 480,
        "voluntary_churn": 1080,
        "revenue_lost_by_reason": 1080,
        "downgrade_seats": 360,
        "expansion_addon": 840,
        "reactivation": 600,
    }
    silent = [{"end_kind": "not stated", "reason": "not stated", "estimate": 9.0, "n": 1, "effective_n": 1.0}]
    found = established_revenue.revenue_facts(reasons=result(silent, ("end_kind", "reason"), unit="money"), **options)
    assert [finding.needs for finding in found if finding.kind == "not_studied"] == [("subscriptions.end_kind",)]
    total = next(finding for finding in found if finding.metric == "churn")
    assert (total.money, total.area, total.action, total.kind) == (108, "churn_prevention", "churn", "fact")
    said = [{"end_kind": "not stated", "reason": "Price", "estimate": 9.0, "n": 1, "effective_n": 1.0}]
    found = established_revenue.revenue_facts(reasons=result(said, ("end_kind", "reason"), unit="money"), **options)
    # Reasons are on record, so recording them is no advice.
    assert next(finding for finding in found if finding.metric == "churn").action == "voluntary_churn"
    nobody = result([], ("end_kind", "reason"), unit="money", columns=("end_kind", "reason"))
    found = established_revenue.revenue_facts(reasons=nobody, **options)
    assert not [finding for finding in found if finding.area == "churn_prevention" and finding.metric == "churn"]


def test_no_decision_stands_on_a_fact_that_one_account_decides() -> None:
    waterfall = result([{"movement": "reactivation", "estimate": 0.0, "n": 0}], ("movement",), unit="money")
    influence = result([{"measure": "top_ten_share", "estimate": 0.2, "n": 90, "few_accounts": False, "unit": "share"}],
                       ("measure",), unit="by row")  # fmt: skip
    # forty leavers, of whom one paid nearly everything; sixty that paid alike
    lost = [
        {"end_kind": "voluntary", "reason": "Price", "estimate": 900.0, "n": 40, "effective_n": 1.5},
        {"end_kind": "voluntary", "reason": "not stated", "estimate": 50.0, "n": 1, "effective_n": 1.0},
        {"end_kind": "involuntary", "reason": "Card", "estimate": 600.0, "n": 60, "effective_n": 60.0},
    ]
    found = established_revenue.revenue_facts(
        waterfall=waterfall,
        parts=result([], ("movement", "part"), unit="money", columns=("movement", "part")),
        reasons=result(lost, ("end_kind", "reason"), unit="money"),
        influence=influence,
        **SPAN,
        words=WORDS,
    )
    certainty = {each.lead.metric: each.certainty for each in decide(found).ranked}
    assert certainty == {"voluntary_churn": "Watch", "involuntary_churn": "Do it"}
    assert {finding.metric for finding in found if finding.few_accounts} == {
        "voluntary_churn",
        "revenue_lost_by_reason",
    }


def test_rows_among_those_due_are_left_out_where_that_was_everyone() -> None:
    assert "net_due" not in set(revenue.kept_rows(retention(1, 0.9, 1.1, due_n=200)).table["metric"])
    assert "net_due" in set(revenue.kept_rows(retention(1, 0.9, 1.1, due_n=100)).table["metric"])
    assert "net_due" not in set(revenue.kept_rows(retention(1, 0.9, 1.1, due_n=0)).table["metric"])


@pytest.mark.parametrize(
    ("opening", "closing", "said"),
    [(100, 130, "grew by 30%"), (100, 90, "fell by 10%"), (100, 100, "stayed at £100"), (0, 50, "went from £0 to £50")],
)
def test_waterfall_caption_states_the_change(opening, closing, said) -> None:
    rows = [{"movement": "opening", "estimate": opening}, {"movement": "closing", "estimate": closing}]
    assert said in revenue.waterfall_caption(result(rows, ("movement",), unit="money"), **SPAN, words=WORDS)


def test_leading_accounts_go_by_their_id_without_a_name() -> None:
    rows = [
        {"movement": "churn", "customer_id": customer, "name": name, "rank": rank, "estimate": -9.0}
        for rank, (customer, name) in enumerate([("a1", None), ("a2", "Two"), ("a3", "Three")], start=1)
    ]
    shown = revenue.leading(result(rows, ("movement", "customer_id"), unit="money"), each=2)
    assert list(shown.table["name"]) == ["a1", "Two"]


def test_parts_that_did_not_change_leave_the_table() -> None:
    rows = [{"movement": "expansion", "part": part, "estimate": size} for part, size in (("seats", 0.0), ("plan", 5.0))]
    assert list(revenue.moving_parts(result(rows, ("movement", "part"), unit="money")).table["part"]) == ["plan"]


@pytest.mark.parametrize(
    ("metric", "difference", "group", "rest", "said"),
    [
        ("nrr", -0.17, 0.88, 1.05, "lose revenue where others do not"),
        ("nrr", -0.1, 0.80, 0.90, "lose more revenue than others"),
        ("nrr", -0.1, 1.05, 1.15, "grow less than others"),
        ("nrr", 0.1, 1.15, 1.05, "grow more than others"),
        ("nrr", 0.1, 1.02, 0.92, "grow where others lose revenue"),
        ("nrr", 0.1, 0.95, 0.85, "lose less revenue than others"),
        ("logo_retention", -0.1, 0.8, 0.9, "leave more often than others"),
        ("expansion_rate", 0.1, 0.9, 0.8, "grow more often than others"),
        ("grr", 0.1, 0.9, 0.8, "keep more of their revenue than others"),
    ],
)
def test_a_group_grows_only_if_it_does(metric, difference, group, rest, said) -> None:
    low, high = difference - 0.05, difference + 0.05
    row = contrast(metric=metric, estimate=difference, low=low, high=high, group_share=group, rest_share=rest)
    assert f"{said}, also at equal" in segments.headline(contrasts(row | {"raw": difference}), words=WORDS)


def test_a_difference_is_told_as_sizes_on_its_side() -> None:
    said = segments.detail(contrasts(contrast(low=-0.249, high=-0.093)), **SPAN, words=WORDS)
    assert "9.3 to 24.9 percentage points lower" in said


def test_the_figure_shows_what_is_clear_or_comes_nearest() -> None:
    kept = {"metric": "logo_retention", "p": 0.4, "p_adjusted": 0.4}
    clear = contrasts(contrast(), contrast(**kept))
    assert list(segments.to_draw(clear).table["group"]) == ["Plan Basic 2"] * 2
    assert list(segments.to_draw(clear).table["kind"]) == ["raw", "adjusted"]
    assert "0.7" not in segments.drawn_caption(clear, **SPAN, words=WORDS)
    assert "5.0 to 20.0 percentage points lower" in segments.drawn_caption(clear, **SPAN, words=WORDS)
    unclear = contrasts(contrast(p_adjusted=0.3, raw_p=0.3), contrast(**kept))
    assert set(segments.to_draw(unclear).table["metric"]) == {"logo_retention"}
    assert "No group stands clearly apart" in segments.drawn_caption(unclear, **SPAN, words=WORDS)
    assert "Clear in 0 of 1 comparisons" in segments.kept_caption(unclear, **SPAN, words=WORDS)
    many = contrasts(*(contrast(level=f"L{number}") for number in range(12)))
    assert len(segments.to_draw(many).table) == 2 * segments.MOST_DRAWN
    assert "The 8 clearest of 12 clear differences" in segments.drawn_caption(many, **SPAN, words=WORDS)


def overview_of_a_flat_table():
    about = {"unit": "count", "attribute_label": "Plan", "n": 40}
    rows = [
        {"attribute": attribute, "level": level, "metric": metric, "estimate": estimate} | about | {"unit": unit}
        for attribute, level, size in (("all", "all", 100.0), ("plan", "A", 60.0), ("plan", "B", 40.0))
        for metric, estimate, unit in (("customers", size, "count"), ("arr_share", size / 100, "share"))
    ]
    return result(rows, ("attribute", "level", "metric"), unit="by row")


def test_flat_groups_have_one_row_each_and_the_accounts_are_recorded() -> None:
    counted = segments.counted(overview_of_a_flat_table()).table
    assert list(zip(counted["level"], counted["estimate"], counted["arr_share"], strict=True)) == [
        ("all", 100, 1),
        ("A", 60, 0.6),
        ("B", 40, 0.4),
    ]
    found = established_segments.accounts(overview_of_a_flat_table())
    assert (found.metric, found.estimate, found.unit, found.area) == ("accounts", 100, "count", "state")


# -- how long accounts stay ---------------------------------------------------------------------------------------


def at_ages(*, start=0, shares=((6, 0.9), (12, 0.8), (24, None)), n=500, **more):
    rows = [
        {"age": age, "estimate": share, "low": None if share is None else share - 0.02,
         "high": None if share is None else share + 0.02, "n": n, "start": start}
        for age, share in shares
    ]  # fmt: skip
    made = result(rows, ("age",), **more)
    return made.with_table(made.table.astype({"estimate": float, "low": float, "high": float}))


def stayed(*, median=np.nan, mean=10.5, start=0):
    rows = [
        {"measure": "median", "estimate": median, "n": 900, "start": start, "followed_to": 18},
        {"measure": "restricted_mean", "estimate": mean, "low": mean - 0.2, "high": mean + 0.2, "n": 900,
         "start": start, "followed_to": 18},
    ]  # fmt: skip
    return result(rows, ("measure",), unit="months")


AT = {"age": 12, "words": WORDS}


@pytest.mark.parametrize(
    ("shape", "observation", "means"),
    [
        ("subscriptions", None, "followed"),
        ("flat", None, "undeclared"),
        ("flat", "followed_from_start", "followed"),
        ("flat", "snapshot", "snapshot"),
    ],
)
def test_what_a_curve_means(shape, observation, means) -> None:
    assert cohort_survival.reading(shape=shape, observation=observation) == means


@pytest.mark.parametrize(
    ("means", "said"),
    [
        ("followed", "80% of accounts are still here after 12 months"),
        ("undeclared", "that may not be retention"),
        ("snapshot", "At the rates of the snapshot, 80% of accounts would still be here"),
    ],
)
def test_survival_headline_says_no_more_than_the_data(means, said) -> None:
    assert said in cohort_survival.headline(at_ages(), reading=means, **AT)
    detail = cohort_survival.detail(at_ages(), stayed(), horizon=24, reading=means, as_of=None, **AT)
    assert detail.startswith("This may not be retention") == (means == "undeclared")
    assert "Out of 100 accounts, 80" in detail
    have = "would have" if means == "snapshot" else "have"
    assert f"Fewer than half {have} left by 18 months" in detail


def test_survival_headline_of_late_entry_is_conditional() -> None:
    assert cohort_survival.headline(at_ages(start=3), reading="followed", **AT).endswith("had reached 3 months")


def test_survival_headline_falls_back_on_the_last_age_reached() -> None:
    short = at_ages(shares=((6, 0.9), (12, None)))
    assert "after 6 months" in cohort_survival.headline(short, reading="followed", **AT)
    none = at_ages(shares=((6, None), (12, None)))
    assert cohort_survival.headline(none, reading="followed", **AT).startswith("Too few")
    assert "0.9" not in cohort_survival.curve_caption(none, none, reading="followed", as_of=None, **AT)


def test_survival_detail_names_the_later_age_once() -> None:
    long = at_ages(shares=((12, 0.8), (24, 0.6), (36, 0.5)))
    said = cohort_survival.detail(long, stayed(median=30), horizon=24, reading="followed", as_of=SPAN["end"], **AT)
    assert "After 24 months it is 60%" in said
    assert "36" not in said
    assert "Half have left by 30 months" in said
    assert "seen as of 31 December 2024" in said


def test_ages_of_the_table_hold_those_named() -> None:
    assert cohort_survival.ages(compare_age=9, horizon=24, follow=48) == [6, 9, 12, 18, 24, 36, 48]
    assert list(cohort_survival.reached(at_ages()).table["age"]) == [6, 12]


def test_groups_of_which_nothing_can_be_shown_are_named_once() -> None:
    rows = [
        {"level": level, "age": age, "estimate": share, "n": n}
        for level, age, share, n in (("A", 12, 0.8, 90), ("A", 24, np.nan, 9), ("not stated", 12, np.nan, 0))
    ]
    curves = [
        {"level": "A", "age": 0, "estimate": 1.0, "n": 99},
        {"level": "B", "age": 10, "estimate": 0.9, "n": 31},
        {"level": "not stated", "age": 0, "n": 3},
    ]
    shown = cohort_survival.groups_shown(
        result(rows, ("level", "age"), notes=("Said on the page.",)),
        result(curves, ("level", "age"), suppressed=1),
        words=WORDS,
    )
    assert list(zip(shown.table["level"], shown.table["age"], strict=True)) == [("A", 12)]
    assert shown.notes == (
        "Too few accounts to show: not stated (3).",
        "Followed in numbers that can be shown for less long than this: B (to 10 months).",
    )


def pairs():
    row = {"attribute": "first_plan", "first": "Basic", "second": "Pro", "estimate": -0.1, "low": -0.2,
           "high": -0.05, "n": 60, "n_second": 70, "p": 0.001, "p_adjusted": 0.004, "p_at_age": 0.001,
           "p_at_age_adjusted": 0.004, "first_id": "Basic",
           "second_id": "Pro", "followed": True, "followed_second": True}  # fmt: skip
    rows = [
        row,
        row
        | {
            "second": "Max",
            "second_id": "Max",
            "p": 0.6,
            "p_adjusted": 0.6,
            "p_at_age": 0.6,
            "p_at_age_adjusted": 0.6,
            "low": -0.2,
            "high": 0.1,
        },
    ]
    return result(rows, ("attribute", "first", "second"), unit="points")


PLAN = {"first_plan": "First plan"}


def test_pairs_are_recorded_and_an_undeclared_table_carries_no_decision() -> None:
    for means, known_retention in (("followed", True), ("undeclared", False)):
        found = established_stays.pairs(pairs(), labels=PLAN, reading=means, **AT)
        assert [finding.direction for finding in found] == ["lower", "none"]
        found += established_stays.still_here(at_ages(), horizon=24, reading=means, **AT)
        assert {finding.retention_known for finding in found} == {known_retention}
        assert all(("may not be retention" in finding.caveat) == (not known_retention) for finding in found)
    assert "1 of 2 pairs clearly differ" in cohort_survival.pairs_caption(pairs(), **AT)


def test_a_pair_not_compared_names_the_group_that_is_not_followed_so_long() -> None:
    made = pairs()
    for followed, named in (((True, False), ["Max"]), ((False, True), ["Basic"]), ((False, False), ["Basic", "Max"])):
        table = made.table.astype({"followed": bool, "followed_second": bool})
        table.loc[1, ["estimate", "low", "high", "p_at_age", "p_at_age_adjusted"]] = np.nan
        table.loc[1, ["followed", "followed_second"]] = followed
        partly = made.with_table(table)
        found = established_stays.pairs(partly, labels=PLAN, reading="followed", **AT)[1:]
        assert [each.segment for each in found] == [f"first plan = {name}" for name in named]
        assert {(each.shown, each.p, each.verdict) for each in found} == {(False, None, "too few at 12 months of age")}
        assert len({each.id for each in found}) == len(found)
        said = cohort_survival.pairs_caption(partly, **AT)
        assert "The one pair that can be compared differs clearly" in said
        assert "1 further pair cannot be compared" in said


def test_still_here_records_the_age_compared_and_the_last_one() -> None:
    long = at_ages(shares=((12, 0.8), (24, 0.6), (36, 0.5)))
    found = established_stays.still_here(long, horizon=24, reading="snapshot", **AT)
    assert [(finding.estimate, "snapshot" in finding.caveat) for finding in found] == [(0.8, True), (0.6, True)]
    assert [finding.label for finding in found] == [f"Would still be here after {age} months" for age in (12, 24)]
    unknown = established_stays.still_here(at_ages(shares=((12, None),)), horizon=24, reading="followed", **AT)
    assert [finding.shown for finding in unknown] == [False]


def test_differences_between_attributes() -> None:
    columns = ("attribute", "level", "estimate", "p_adjusted")
    none = result([], ("attribute", "level"), unit="ratio", columns=columns)
    options = {"labels": PLAN, "confidence": 0.95, "words": WORDS}
    assert "nothing has two groups large enough" in cohort_survival.differences(none, **options)
    assert "nothing is declared" in cohort_survival.differences(none, **(options | {"labels": {}}))
    for p, said in ((0.01, "“First plan” goes with"), (0.4, "none goes with a clearly different")):
        rows = [{"attribute": "first_plan", "level": level, "p_adjusted": p} for level in ("A", "B")]
        assert said in cohort_survival.differences(result(rows, ("attribute", "level"), unit="ratio"), **options)


def test_cohorts_claim_no_trend() -> None:
    def said(*cohorts):
        rows = [dict(zip(("cohort", "estimate", "low", "high"), row, strict=True)) for row in cohorts]
        made = result(rows, ("cohort",), notes=("No trend is claimed.",))
        return cohort_survival.cohorts(made.with_table(made.table.astype({"estimate": float})), min_group=30, **AT)

    assert "between 75% (2023 H2) and 80% (2023 H1)" in said(("2023 H1", 0.8, 0.7, 0.9), ("2023 H2", 0.75, 0.7, 0.8))
    assert "Only one" in said(("2023 H1", 0.9, 0.88, 0.92))
    assert "No half-yearly cohort of at least 30 accounts" in said(("2023 H1", None, None, None))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("logos_triangle", "80 to 90% of accounts are still here"),
        ("gross_triangle", "80 to 90% of first MRR is still paid"),
    ],
)
def test_triangle_caption_states_the_spread(name, said) -> None:
    rows = [
        {"cohort": c, "age": 12, "estimate": share, "n": 50} for c, share in (("a", 0.8), ("b", 0.9), ("c", np.nan))
    ]
    made = result(rows, ("cohort", "age"), name=name, suppressed=1)
    assert said in cohort_survival.triangle_caption(made, **AT)
    assert list(cohort_survival.at_age(made, **AT).table["cohort"]) == ["a", "b"]


def test_time_stayed_is_only_shown_to_be_so_where_undeclared() -> None:
    said = cohort_survival.time_stayed(stayed(), horizon=12, reading="undeclared", words=WORDS)
    assert "is shown to stay 10.5 months on average (10.3 to 10.7)" in said
    none = cohort_survival.time_stayed(stayed(mean=np.nan), horizon=12, reading="followed", words=WORDS)
    assert "Too few have been followed" in none


def test_limits_of_each_shape() -> None:
    flat = cohort_survival.limits(at_ages(), reading="undeclared", dated=False, **AT)
    assert "may not be retention" in flat
    assert "pause" not in flat
    dated = cohort_survival.limits(at_ages(n=40), reading="followed", dated=True, **AT)
    assert "pause" in dated
    assert "Fewer than 100" in dated


# -- data quality -------------------------------------------------------------------------------------------------


def test_rules_on_the_page_are_those_that_found_something() -> None:
    rows = [
        {"rule": rule, "estimate": n, "verdict": said} for rule, n, said in (("a", 2, "warning"), ("b", 0, "passed"))
    ]
    assert list(data_quality.noteworthy(result(rows, ("rule",), unit="count")).table["rule"]) == ["a"]
    sound = result(rows[1:], ("rule",), unit="count")
    assert data_quality.noteworthy(sound).table.empty
    assert "every one of the 1 rule holds" in data_quality.found(sound, words=WORDS)
    assert "set aside" in data_quality.found(result(rows, ("rule",), unit="count"), words=WORDS)


def test_terms_stand_side_by_side_only_where_there_are_two() -> None:
    def curves(*levels):
        return result([{"level": level, "age": 12, "estimate": 0.9, "n": 50} for level in levels], ("level", "age"))

    for levels, said in (
        (("not stated",), "state no contract terms"),
        (("annual",), "the same contract term (“annual”)"),
        (("annual", "not stated"), "can leave only when its term ends"),
    ):
        made = curves(*levels)
        assert said in cohort_survival.terms(made, words=WORDS)
        assert cohort_survival.side_by_side(made, made).table.empty == (len(levels) < 2)


def test_nobody_was_followed_in_a_snapshot() -> None:
    options = {"reading": "snapshot", "words": WORDS}
    ages = at_ages(n=40)
    said = " ".join(
        [
            cohort_survival.detail(ages, stayed(), age=12, horizon=24, as_of=None, **options),
            cohort_survival.curve_caption(ages, ages, age=12, as_of=None, **options),
            cohort_survival.ages_caption(ages, as_of=None, **options),
            cohort_survival.time_stayed(stayed(median=9), horizon=12, **options),
            cohort_survival.limits(ages, age=12, dated=False, **options),
            cohort_survival.how_to_read("snapshot"),
            *cohort_survival.heads("snapshot").values(),
        ]
    )
    for wrong in ("have left by", "whose start is known", "still followed", "Still followed", "watched"):
        assert wrong not in said.replace("would have left by", "")
    assert "Half would have left by 9 months" in said


def test_a_start_on_the_as_of_day_is_no_days_before() -> None:
    rules = result([{"rule": "a", "estimate": 0, "verdict": "passed"}], ("rule",), unit="count")
    who = result([{"step": "accounts", "estimate": 9, "n": 9}], ("step",), unit="count")
    for days, said in ((0, "started on that day"), (1, "started 1 day before")):
        fresh = result([{"what": "last start", "estimate": days}], ("what",), unit="count")
        assert said in data_quality.detail(rules, who, fresh, as_of=SPAN["end"], words=WORDS)


def test_missing_tables_promise_no_chapter() -> None:
    tables = result([{"table": "costs", "estimate": 0, "present": "no"}], ("table",), unit="count")
    assert "changes nothing in this report today" in data_quality.missing(tables, words=WORDS)
