"""The chapter on how customers develop in words and on record: every word that a number could flip, flipped."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from customer_value.stats.result import Result
from customer_value.strategy.answers import activation, plan_ladder
from customer_value.strategy.answers import journeys as answers
from customer_value.strategy.decisions import decide
from customer_value.strategy.established import journeys as established
from customer_value.strategy.wording import Words

WORDS = Words(currency="GBP")
SPAN = {"start": date(2023, 12, 31), "end": date(2024, 12, 31)}


def contrast(estimate, p, *, level="Toured within 30 days", attribute="behaviour", metric="grr", **more):
    """A raw and an adjusted row of one contrast."""
    row = {
        "attribute": attribute,
        "attribute_label": {"behaviour": "Behaviour", "usage": "Kind of use"}[attribute],
        "level": level,
        "metric": metric,
        "estimate": estimate,
        "low": estimate - 0.05,
        "high": estimate + 0.05,
        "n": 120.0,
        "n_rest": 90.0,
        "group_share": 0.85,
        "rest_share": 0.85 - estimate,
        "p": p,
        "p_adjusted": p,
        "few_accounts": False,
        "overlap": 0.9,
        "adjusted_for": "size, term",
        "agrees": True,
        "rule": "Toured",
        "within_days": 30.0,
        "naive": 0.25,
        "money": 1000.0,
        "money_low": 400.0,
        "money_high": 1600.0,
        "among_due": estimate,
        "finer": estimate,
        "other": estimate,
    } | more
    return [row | {"kind": "raw"}, row | {"kind": "adjusted"}]


def contrasts(*rows) -> Result:
    table = pd.DataFrame([row for pair in rows for row in pair])
    return Result("made", table, ("attribute", "level", "metric", "kind"), "points", 0.95, "accounts")


def steps(*plans, metric="up") -> Result:
    """Plans as (name, share, difference, adjusted p)."""
    rows = [
        {"plan": name, "metric": metric, "estimate": share, "low": share / 2, "high": 2 * share, "n": 200.0,
         "events": 200 * share, "rest_share": share - gap, "raw": gap, "difference": gap, "difference_low": gap - 0.03,
         "difference_high": gap + 0.03, "p": p, "p_adjusted": p}
        for name, share, gap, p in plans
    ]  # fmt: skip
    return Result("plan_steps", pd.DataFrame(rows), ("plan", "metric"), "share", 0.95, "accounts")


class TestLadder:
    def test_the_ladder_breaks_only_where_a_step_is_clearly_lower(self) -> None:
        clear = steps(("Basic", 0.15, 0.07, 0.01), ("Plus", 0.05, -0.07, 0.01), ("Top", 0.04, -0.03, 0.4))
        assert plan_ladder.headline(clear, words=WORDS).startswith("The ladder breaks above Plus")
        unclear = steps(("Basic", 0.15, 0.07, 0.2), ("Plus", 0.05, -0.07, 0.2), ("Top", 0.04, -0.03, 0.4))
        assert plan_ladder.headline(unclear, words=WORDS) == (
            "No step of the plan ladder is clearly harder than the others"
        )
        assert "cannot be told" in plan_ladder.detail(unclear, **SPAN, words=WORDS)
        said = plan_ladder.detail(clear, **SPAN, words=WORDS)
        assert "cannot be told" not in said
        assert "4.0 to 10.0 percentage points fewer moved up from Plus" in said

    def test_a_difference_that_turns_when_made_alike_is_no_break(self) -> None:
        turned = steps(("Basic", 0.15, 0.07, 0.01), ("Plus", 0.05, -0.07, 0.01))
        turned = turned.with_table(turned.table.assign(raw=-turned.table["raw"]))
        assert plan_ladder.hardest_step(turned) is None

    def test_more_leaving_breaks_it_too(self) -> None:
        said = plan_ladder.headline(
            steps(("Basic", 0.3, 0.1, 0.01), ("Plus", 0.1, -0.1, 0.01), metric="left"), words=WORDS
        )
        assert said.startswith("The ladder breaks at Basic: more leave there")

    def test_one_plan_is_no_ladder(self) -> None:
        assert "one plan only" in plan_ladder.headline(steps(("All", 0.1, 0.0, 1.0)), words=WORDS)

    def test_two_steps_are_one_look(self) -> None:
        pair = steps(("Basic", 0.1, 0.05, 0.02), ("Plus", 0.05, -0.05, 0.02))
        (record,) = established.steps(pair, words=WORDS)
        assert (record.segment, record.design, record.direction) == ("plan = Basic", "C", "higher")
        assert len(established.steps(steps(*[(name, 0.1, 0.01, 0.9) for name in "abc"]), words=WORDS)) == 3


class TestFirstDays:
    @pytest.mark.parametrize(
        ("gap", "metric", "said"),
        [
            (0.1, "logo_retention", "goes with staying"),
            (-0.1, "logo_retention", "goes with leaving"),
            (0.1, "grr", "goes with keeping revenue"),
            (-0.1, "grr", "goes with losing revenue"),
        ],
    )
    def test_headline_follows_the_sign(self, gap, metric, said) -> None:
        made = contrasts(contrast(gap, 0.01, metric=metric))
        assert answers.behaviour_headline(made, words=WORDS) == f"“Toured within 30 days” {said}"

    def test_what_is_not_clear_is_not_claimed(self) -> None:
        for made in (contrast(0.1, 0.2), contrast(0.1, 0.01, few_accounts=True), contrast(0.1, 0.01, overlap=0.3)):
            assert answers.behaviour_headline(contrasts(made), words=WORDS) == (
                "Nothing looked at in the first days clearly tells who stays"
            )

    def test_the_naive_figure_is_called_no_evidence(self) -> None:
        made = contrasts(contrast(0.02, 0.5, metric="logo_retention"))
        assert "would be 25 percentage points; here it is 2 percentage points" in answers.naive(made, words=WORDS)
        assert "It is no evidence." in answers.naive(made, words=WORDS)
        assert not answers.naive(contrasts(contrast(0.3, 0.5, metric="logo_retention")), words=WORDS)

    def test_only_what_agrees_may_be_decided_on(self) -> None:
        agreed, other = (
            established.behaviours(contrasts(contrast(0.1, 1e-4, agrees=agrees)), words=WORDS)[0]
            for agrees in (True, False)
        )
        assert (agreed.design, other.design) == ("B", "C")
        assert decide([agreed]).ranked[0].certainty == "Do it"
        assert decide([other]).ranked[0].certainty == "Test first"
        assert "“Toured” within 30 days is linked to higher gross revenue retention" in agreed.statement(WORDS)
        assert "accounts without it at equal size and contract term" in agreed.statement(WORDS)

    def test_what_speaks_against_it_is_said(self) -> None:
        (record,) = established.behaviours(contrasts(contrast(0.1, 0.01, other=-0.02, agrees=False)), words=WORDS)
        assert "It points the other way when followed from another day on." in record.caveat
        assert established.HEALTH_CAVEAT in record.caveat

    def test_a_group_too_small_is_no_look(self) -> None:
        small = contrast(np.nan, np.nan)
        (record,) = established.behaviours(contrasts(small), words=WORDS)
        assert not record.shown
        assert record.p is None


class TestKinds:
    def test_a_kind_is_never_more_than_tested(self) -> None:
        made = contrasts(contrast(0.1, 1e-6, attribute="usage", level="power"))
        (record,) = established.kinds(made, words=WORDS)
        assert (record.design, record.action) == ("C", "kind_higher")
        assert decide([record]).ranked[0].certainty == "Test first"
        assert (
            answers.kinds_headline(made, words=WORDS) == "Power users keep more of their revenue than others like them"
        )

    def test_missing_tables_are_on_record(self) -> None:
        needed = {record.needs for record in established.not_studied(["milestones"])}
        assert needed == {("usage_events",), ("success_plans",)}


def test_the_page_leads_with_what_is_clearest() -> None:
    none = contrasts(contrast(0.1, 0.5))
    kinds = contrasts(contrast(0.1, 0.5, attribute="usage", level="power"))
    broken = steps(("Basic", 0.15, 0.07, 0.01), ("Plus", 0.05, -0.07, 0.01))
    level = steps(("Basic", 0.15, 0.07, 0.5), ("Plus", 0.05, -0.07, 0.5))
    assert answers.headline(contrasts(contrast(0.1, 0.01)), broken, kinds, words=WORDS) == (
        "Accounts that began with “Toured within 30 days” keep more of their revenue"
    )
    assert (
        answers.headline(none, broken, kinds, words=WORDS) == "Fewer accounts move up from Plus than from other plans"
    )
    assert answers.headline(none, level, kinds, words=WORDS).startswith("Neither first days nor plans nor use")


def test_cohorts_are_called_by_their_time() -> None:
    assert [activation._cohort(name, WORDS) for name in ("2025-01", "2025Q1", "2025")] == [
        "Jan 2025",
        "2025 Q1",
        "2025",
    ]
