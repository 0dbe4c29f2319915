"""What accounts said and what became of them: counts add up, the future is not read, and nothing is found in noise."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from customer_value.errors import SettingsError
from customer_value.marts import standing
from customer_value.marts.bases import period_base
from customer_value.stats import intervals, raking
from customer_value.stats.multiplicity import benjamini_hochberg
from customer_value.strategy.answers import nps_quadrants as answers
from customer_value.strategy.decisions import decide
from customer_value.strategy.established import nps_quadrants as established
from customer_value.strategy.wording import Words
from customer_value.studies import nps_quadrants, nps_scores
from customer_value.studies.nps_quadrants import QUADRANTS, Cuts
from satisfied_company import SCORES, YEAR, company, name
from satisfied_company import answers as given

BEFORE = {"start": date(2022, 12, 31), "end": date(2023, 12, 31)}
WORDS = Words(currency="GBP")


@pytest.fixture(scope="module")
def marts(tmp_path_factory):
    """Everybody answers in October; one detractor in two who hardly uses it leaves in June; sleepers hear twice."""
    twice = [{**row, "responded_at": "2024-10-05"} for row in given(240, who=lambda i: i % 2 == 0)]
    return company(tmp_path_factory.mktemp("satisfied"), given=[*given(240), *twice])


@pytest.fixture(scope="module")
def contrasts(marts):
    return nps_quadrants.quadrant_contrasts(marts, **YEAR)


class TestStanding:
    def test_months_earlier_keep_the_end_of_the_month(self) -> None:
        assert standing.months_earlier(date(2024, 2, 29), 12) == date(2023, 2, 28)
        assert standing.months_earlier(date(2023, 2, 28), 12) == date(2022, 2, 28)
        assert standing.months_earlier(date(2024, 3, 31), 1) == date(2024, 2, 29)
        assert standing.months_earlier(date(2024, 3, 15), 3) == date(2023, 12, 15)

    def test_the_latest_answer_of_each_respondent_and_their_mean(self, tmp_path) -> None:
        rows = [
            {"customer_id": name(0), "responded_at": day, "score": score, "respondent_id": who}
            for day, score, who in (
                ("2023-03-01", 2, "u"), ("2023-08-01", 10, "u"), ("2023-08-01", 9, "u"), ("2023-09-01", 8, "v"),
                ("2023-09-02", 6, None),
            )
        ]  # fmt: skip
        built = company(tmp_path, n=6, given=rows)
        found = standing.standing(built, date(2023, 12, 31)).set_index("customer_id").loc[name(0)]
        assert found["score"] == pytest.approx((9 + 8 + 6) / 3)  # of two on one day the lower counts
        assert (found["respondents"], found["rating"]) == (3, "passive")
        early = standing.standing(built, date(2023, 7, 31)).set_index("customer_id").loc[name(0)]
        assert early["score"] == 2
        # a month skipped before the close leaves the answers of September out
        skipped = standing.standing(built, date(2023, 9, 30), skip=1).set_index("customer_id").loc[name(0)]
        assert skipped["score"] == 9

    def test_use_is_per_exposed_day(self, marts) -> None:
        usage = standing.usage_before(marts, date(2023, 12, 31), months=3)
        assert usage[name(0)] == pytest.approx(3 * 2 / 92)  # October to December
        assert usage[name(1)] == pytest.approx(3 * 20 / 92)
        # who started on 10 January was a customer on 22 days of it
        assert standing.usage_before(marts, date(2023, 1, 31), months=1)[name(1)] == pytest.approx(20 / 22)
        assert standing.usage_measure(marts) == "active_days"


class TestOutcomes:
    def test_groups_add_up_and_agree_with_the_base(self, marts) -> None:
        found = nps_quadrants.outcomes(marts, **YEAR)
        sizes = found.where(metric="customers").table.set_index("group")["estimate"]
        assert sizes.drop("all").sum() == sizes["all"] == 240
        base = period_base(marts, **YEAR)
        numbers = base["customer_id"].str[1:].astype(int)
        lost = base.loc[numbers % 3 == 2, "lost"]
        row = found.row(group="detractor", metric="logo_retention")
        assert row["estimate"] == pytest.approx(1 - lost.mean())
        _, low, high = intervals.wilson((~lost).sum(), lost.size)
        assert (row["low"], row["high"]) == pytest.approx((float(low), float(high)))

    def test_an_answer_of_the_last_month_does_not_count(self, tmp_path) -> None:
        built = company(tmp_path, n=90, given=given(90, day="2023-12-10"))
        assert nps_quadrants.outcomes(built, **YEAR).row(group="no_answer", metric="customers")["estimate"] == 90
        straight = nps_quadrants.outcomes(built, **YEAR, cuts=Cuts(skip=0))
        assert straight.row(group="no_answer", metric="customers")["estimate"] == 0

    def test_answers_after_the_reference_change_nothing(self, tmp_path) -> None:
        later = [{**row, "responded_at": "2024-02-05", "score": 10} for row in given(90)]
        one, two = company(tmp_path / "a", n=90), company(tmp_path / "b", n=90, given=[*given(90), *later])
        for study in (nps_quadrants.outcomes, nps_quadrants.quadrants):
            pd.testing.assert_frame_equal(study(one, **YEAR).table, study(two, **YEAR).table)

    def test_an_exit_survey_foretells_nothing(self, tmp_path) -> None:
        """Leavers say 0 when they leave, stayers 10: perfect, useless, and refused."""
        bye = [
            {"customer_id": name(i), "responded_at": "2024-06-05", "score": 0, "survey": "bye"}
            for i in range(240)
            if i % 3 == 2 and i % 4 == 0
        ]
        built = company(tmp_path, given=bye, days=None)
        found = nps_quadrants.outcome_contrasts(built, start=date(2024, 5, 31), end=YEAR["end"], cuts=Cuts(skip=0))
        assert found.table["estimate"].isna().all()
        counts = nps_scores.answer_counts(built, **YEAR).table.set_index("group")["estimate"]
        assert counts["leaving"] == len(bye) == counts["all"]
        assert counts["counted"] == 0

    def test_followed_for_less_where_answers_begin_late(self, tmp_path) -> None:
        built = company(tmp_path, n=90, given=given(90, day="2024-05-05"))
        follow = nps_quadrants.follow_up(built, **YEAR)
        assert (follow.start, follow.asked_for) == (date(2024, 6, 30), False)
        none = nps_quadrants.follow_up(company(tmp_path / "b", n=90, given=[]), **YEAR)
        assert (none.start, none.answered, none.asked_for) == (YEAR["start"], 0, True)


class TestQuadrants:
    def test_every_account_stands_in_one_line(self, marts) -> None:
        found = nps_quadrants.quadrants(marts, **YEAR)
        for metric in ("customers", "mrr"):
            values = found.where(metric=metric).table.set_index("group")["estimate"]
            assert values.drop("all").sum() == pytest.approx(values["all"])
        sizes = found.where(metric="customers").table.set_index("group")["estimate"]
        assert sizes[list(QUADRANTS)].tolist() == [80, 80, 40, 40]
        # of those that neither like it nor use it every second one leaves (i ≡ 2 mod 3 and 0 mod 4)
        assert found.row(group="at_risk", metric="logo_retention")["estimate"] == pytest.approx(0.5)

    def test_a_higher_bar_for_satisfied_moves_the_passives(self, marts) -> None:
        found = nps_quadrants.quadrants(marts, **YEAR, cuts=Cuts(satisfied_from=9.0))
        sizes = found.where(metric="customers").table.set_index("group")["estimate"]
        assert sizes[list(QUADRANTS)].tolist() == [40, 40, 80, 80]

    def test_without_an_answer_or_without_use_has_its_own_line(self, tmp_path) -> None:
        built = company(tmp_path, n=90, given=given(90, who=lambda i: i < 60), days=None)
        found = nps_quadrants.quadrants(built, **YEAR)
        sizes = found.where(metric="customers").table.set_index("group")["estimate"]
        assert (sizes["no_answer"], sizes["no_use"]) == (30, 60)
        assert found.table["estimate"].notna().sum() > 0
        assert nps_quadrants.quadrant_contrasts(built, **YEAR).table["p"].isna().all()

    def test_contrasts_stand_raw_beside_adjusted(self, marts, contrasts) -> None:
        row = contrasts.row(group="at_risk", metric="logo_retention")
        table = [[20, 20], [200, 0]]  # kept and lost, at risk and the rest
        assert row["raw"] == pytest.approx(-0.5)
        assert row["raw_p"] == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
        # nothing but chance ties size and plan to the quadrants here
        assert row["estimate"] == pytest.approx(row["raw"], abs=0.03)
        assert np.allclose(contrasts.table["p_adjusted"], benjamini_hochberg(contrasts.table["p"]), equal_nan=True)

    def test_money_is_what_the_weaker_side_would_keep(self, marts, contrasts) -> None:
        row = contrasts.row(group="at_risk", metric="grr")
        now = nps_quadrants.today(marts).row(group="at_risk")
        assert row["target"] == "group"
        assert row["money"] == pytest.approx(12 * now["mrr"] * -row["estimate"])
        assert row["money_low"] < row["money"] < row["money_high"]

    def test_sensitivity_tries_every_cut(self, marts) -> None:
        found = nps_quadrants.sensitivity(marts, **YEAR)
        assert len(found.table) == 3 * 2 * 2 * 4 * 2
        usual = nps_quadrants.quadrant_contrasts(marts, **YEAR).row(group="at_risk", metric="logo_retention")
        same = found.row(usage_quantile=0.5, satisfied_from=7.0, usage_lag=3, group="at_risk", metric="logo_retention")
        assert same["estimate"] == pytest.approx(usual["estimate"])

    def test_today_and_moves_count_everybody(self, marts) -> None:
        active = (marts.frame("accounts")["status"] == "active").sum()
        assert nps_quadrants.today(marts).table["estimate"].sum() == active
        moves = nps_quadrants.moves(marts, start=YEAR["start"]).table
        assert moves["estimate"].sum() == 240
        assert moves.loc[moves["group_now"] == "left", "estimate"].sum() == 20
        assert len(nps_quadrants.accounts_today(marts).table) == active

    def test_use_that_falls_before_leaving_passes_for_no_insight(self, tmp_path) -> None:
        """Leaving is by lot, and leavers use little in their last three months: wind-down, and nothing else."""

        def falling(i: int, month: str) -> int:
            return 1 if i % 8 == 0 and month >= "2023-11-01" else 2 + i % 16

        built = company(tmp_path, leave=lambda i: i % 8 == 0, ends_on="2024-02-10", days=falling)
        close, far = (
            nps_quadrants.quadrant_contrasts(built, **YEAR, cuts=Cuts(usage_lag=lag)).table.set_index(
                ["group", "metric"]
            )
            for lag in (0, 3)
        )
        hit = ("champions", "logo_retention")
        assert close.loc[hit, "p"] < 0.001
        assert far.loc[hit, "p"] > 0.05
        table = nps_quadrants.sensitivity(built, **YEAR).table
        late = table[table["usage_lag"] == 3]
        assert late["estimate"].abs().mean() < table.loc[table["usage_lag"] == 0, "estimate"].abs().mean()

    @pytest.mark.parametrize(
        "wrong", [{"usage_quantile": 1.0}, {"satisfied_from": 0.0}, {"window": 0}, {"skip": -1}, {"usage_months": 0}]
    )
    def test_impossible_cuts_are_refused(self, wrong) -> None:
        with pytest.raises(SettingsError, match=next(iter(wrong))):
            Cuts(**wrong)


class TestScores:
    def test_counts_always_add_up(self, marts) -> None:
        table = nps_scores.scores(marts, **BEFORE).table
        assert (table[["promoters", "passives", "detractors"]].sum(axis=1) == table["answers"]).all()
        for attribute in ("plan", "channel"):
            assert table.loc[table["attribute"] == attribute, "answers"].sum() == 240
        whole = table.iloc[0]
        assert (whole["attribute"], whole["estimate"]) == ("all", 0)
        assert SCORES == (10, 8, 4)

    def test_small_groups_keep_their_counts_only(self, marts) -> None:
        table = nps_scores.scores(marts, **BEFORE, min_group=36).table
        small = table[(table["attribute"] == "plan") & (table["level"] == "pro")].iloc[0]
        assert np.isnan(small["estimate"])
        assert small["answers"] == small["n"] == 35

    def test_ten_answers_show_for_the_whole_company(self, tmp_path) -> None:
        built = company(tmp_path, n=90, given=given(90, who=lambda i: i < 10), days=None)
        row = nps_scores.scores(built, **BEFORE).row(attribute="all", level="all")
        # four promoters and three detractors among ten
        assert row["estimate"] == pytest.approx(10)
        assert row["high"] - row["low"] > 70
        assert "could be anything from" in answers.headline(nps_scores.scores(built, **BEFORE), words=WORDS)

    def test_several_surveys_are_groups(self, tmp_path) -> None:
        pulse = [{**row, "survey": "pulse", "responded_at": "2023-11-05"} for row in given(60)]
        built = company(tmp_path, n=60, given=[*given(60), *pulse], days=None)
        table = nps_scores.scores(built, **BEFORE).table.set_index(["attribute", "level"])
        assert table.loc[("survey", "pulse"), "answers"] == table.loc[("survey", "yearly"), "answers"] == 60
        assert table.loc[("all", "all"), "answers"] == 60  # each respondent once

    def test_answers_add_up_over_reasons(self, marts) -> None:
        counts = nps_scores.answer_counts(marts, **YEAR).table.set_index("group")["estimate"]
        assert counts["all"] == counts.drop("all").sum() == 120
        assert counts["former"] == 20

    def test_trend_falls_back_to_years_where_quarters_are_thin(self, marts, tmp_path) -> None:
        assert "quarter" in nps_scores.trend(marts).notes[0]
        thin = [{"customer_id": name(i), "responded_at": f"2023-{2 + i % 11:02d}-05", "score": 9} for i in range(60)]
        found = nps_scores.trend(company(tmp_path, n=60, given=thin, days=None))
        assert "year" in found.notes[0]
        assert found.table["answers"].tolist() == [60, 0]


def opinion(number: int) -> int:
    """Of those who use it all are happy, of the others every second account."""
    return 10 if number % 2 or number % 4 else 4


class TestWhoAnswers:
    @pytest.fixture
    def biased(self, tmp_path):
        """All are asked; of those who use it all answer, of the others one in three."""
        scored = [
            {"customer_id": name(i), "responded_at": "2023-10-05", "survey": "s", "score": opinion(i)}
            for i in range(240)
            if i % 2 or i % 3 == 0
        ]
        sent = [{"customer_id": name(i), "sent_at": "2023-10-01", "survey": "s"} for i in range(240)]
        return company(tmp_path, given=scored, invited=sent, leave=lambda i: False)

    def test_rates_by_use(self, biased) -> None:
        found = nps_scores.response(biased, **BEFORE)
        assert found.n_of == "invitations"
        assert found.row(attribute="all", level="all")["events"] == 160
        rates = found.table[found.table["attribute"] == "usage"]["estimate"].tolist()
        assert rates == pytest.approx([1 / 3, 1.0])

    def test_without_invitations_accounts_are_counted(self, marts) -> None:
        found = nps_scores.response(marts, **YEAR)
        row = found.row(attribute="all", level="all")
        assert (found.n_of, row["events"], row["n"]) == ("accounts", 100, 220)
        assert "not known who was asked" in answers.who_answers(found, words=WORDS)

    def test_weights_undo_what_use_tells_of_who_answers(self, biased) -> None:
        rows = nps_scores.reweighted(biased, **BEFORE).table.set_index("basis")
        raw = rows.loc["answers", "estimate"]
        score = [opinion(i) for i in range(240)]
        truth = 100 * (np.mean(np.array(score) >= 9) - np.mean(np.array(score) <= 6))
        assert raw > truth + 15
        assert rows.loc["reweighted", "estimate"] == pytest.approx(truth, abs=3)
        assert rows.loc["reweighted", "effective_n"] < rows.loc["accounts", "effective_n"]

    def test_raking_meets_every_margin(self) -> None:
        rng = np.random.default_rng(1)
        population = pd.DataFrame({"a": rng.integers(0, 3, 900), "b": rng.choice([*"xy"], 900)})
        chosen = population[rng.random(900) < 0.2 + 0.2 * population["a"]]
        weight = raking.weights(chosen, population)
        for trait in population:
            shares = pd.Series(weight, index=chosen.index).groupby(chosen[trait]).sum() / weight.sum()
            assert np.allclose(shares, population[trait].value_counts(normalize=True).sort_index(), atol=1e-6)
        assert weight.mean() == pytest.approx(1)
        assert raking.weights(chosen.head(0), population).size == 0


class TestRecords:
    def test_every_contrast_is_recorded_with_its_p(self, marts, contrasts) -> None:
        later = nps_quadrants.outcome_contrasts(marts, **YEAR)
        found = [*established.answers(later), *established.quadrants(contrasts)]
        assert len(found) == 6 + 12
        assert all(one.p is not None for one in found if one.shown)
        assert {one.design for one in found} == {"C"}
        assert all("Only accounts that answered" in one.caveat for one in found)
        assert len({one.id for one in found}) == len(found)

    def test_what_is_clear_is_tested_first_never_done(self, marts, contrasts) -> None:
        decided = decide(established.quadrants(contrasts))
        assert [each.certainty for each in decided.ranked] == ["Test first"]
        assert "random half" in decided.ranked[0].do(WORDS)

    def test_what_use_would_need_is_recorded(self) -> None:
        assert established.not_studied(["nps_responses"])[0].needs == ("activity_monthly",)
        assert established.not_studied(["usage_events"]) == []
        assert answers.without_use(["usage_events"]) == ""
        assert "activity_monthly" in answers.without_use([])

    def test_nothing_is_decided_where_nothing_differs(self, tmp_path) -> None:
        """Leaving by lot: of 30 worlds one or two find something among their comparisons."""
        rng = np.random.default_rng(20_260_630)
        built = company(tmp_path, n=240, leave=lambda i: False, grow=lambda i: False)
        base = nps_quadrants._base(built, YEAR["start"], YEAR["end"], Cuts())
        groups = nps_quadrants._placed(base, Cuts())
        decided = 0
        for _ in range(30):
            lost = rng.random(len(base)) < 0.15
            world = base.assign(lost=lost, end_mrr=np.where(lost, 0.0, base["start_mrr"]))
            found = nps_quadrants._contrasts(
                "null", world, groups, QUADRANTS, now=None, metrics=("logo_retention",), confidence=0.95, min_group=30
            )
            decided += any(one.p_adjusted <= 0.05 for one in established.quadrants(found) if one.shown)
        assert decided <= 5  # three standard errors above 5 %


class TestWords:
    def test_a_rise_is_said_only_beyond_the_ranges(self, marts) -> None:
        trend = nps_scores.trend(marts)
        shown = trend.table[trend.table["estimate"].notna()].head(2)

        def said(*rows):
            columns = ["estimate", "low", "high"]
            table = shown.assign(**{name: [row[place] for row in rows] for place, name in enumerate(columns)})
            return answers.over_time(trend.with_table(table), words=WORDS)

        assert "has risen" in said((0, -5, 5), (20, 10, 30))
        assert "has fallen" in said((20, 10, 30), (0, -5, 5))
        assert "No clear move" in said((0, -5, 5), (8, -2, 18))

    def test_headlines_flip_with_the_contrast(self, marts, contrasts) -> None:
        assert "accounts at risk leave more often" in answers.quadrant_headline(contrasts, words=WORDS)
        table = contrasts.table
        mirror = table.assign(estimate=-table["estimate"], low=-table["high"], high=-table["low"])
        mirrored = contrasts.with_table(mirror)
        assert "accounts at risk stay more often" in answers.quadrant_headline(mirrored, words=WORDS)
        unclear = contrasts.with_table(table.assign(p_adjusted=1.0))
        assert "none of the four groups" in answers.quadrant_headline(unclear, words=WORDS)
        drawn = nps_quadrants.quadrants(marts, **YEAR)
        assert "keep 100%, at risk 50%" in answers.quadrant_caption(drawn, contrasts, **YEAR, words=WORDS)
        assert "No group keeps clearly more" in answers.quadrant_caption(drawn, unclear, **YEAR, words=WORDS)
        nothing = contrasts.with_table(table.assign(p=np.nan, p_adjusted=np.nan))
        assert "too few accounts" in answers.quadrant_headline(nothing, words=WORDS)

    def test_the_picture_is_coloured_by_the_corrected_test(self, marts, contrasts) -> None:
        drawn = answers.quadrant_picture(nps_quadrants.quadrants(marts, **YEAR), contrasts)
        p = drawn.where(metric="logo_retention").table.set_index("group")["p_adjusted"]
        assert p["no_answer"] == p["all"] == 1
        assert p["at_risk"] < 0.05
        few = nps_quadrants.quadrants(marts, **YEAR, min_group=500)
        assert answers.quadrant_picture(few, contrasts).table["estimate"].isna().all()
