"""The study of how long accounts stay, recounted by hand from the rows that went in."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportions_ztest

from customer_value.errors import DataError, SettingsError
from customer_value.stats import intervals
from customer_value.strategy.answers import cohort_trend as trends
from customer_value.strategy.wording import Words
from customer_value.studies import cohort_survival as study
from marts_fixtures import build_marts

AS_OF = "2024-06-30"


def months_after(first: str, months: int) -> str:
    return str((pd.Timestamp(first) + pd.DateOffset(months=months)).date())


def rows_of(cohorts: dict[str, list[int | None]], product: str = "basic") -> list[dict]:
    """Accounts by start; each ends after so many months, or not at all (None)."""
    return [
        {
            "customer_id": f"{product}-{start}-{place:03}",
            "start_date": start,
            "end_date": None if months is None else months_after(start, months),
            "product": product,
            "mrr": 100 + place,
            "billing_months": 1,
        }
        for start, lives in cohorts.items()
        for place, months in enumerate(lives)
    ]


# Forty a cohort; of the first ten leave after three months and ten after six, of the second five after three.
COHORTS = {
    "2023-01-10": [3] * 10 + [6] * 10 + [None] * 20,
    "2023-07-10": [3] * 5 + [None] * 35,
}


@pytest.fixture(scope="module")
def marts(tmp_path_factory):
    return build_marts(
        tmp_path_factory.mktemp("cohorts"),
        as_of=AS_OF,
        observed_from="2022-12-31",
        subscriptions=rows_of(COHORTS),
        customers=[
            {"customer_id": row["customer_id"], "region": "north" if place % 2 else "south", "manager": "Kim"}
            for place, row in enumerate(rows_of(COHORTS))
        ],
        attributes={"region": {}, "manager": {"known_at": "current"}},
    )


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    rows = [{"customer_id": f"c{i:03}", "tenure": 1 + i % 40, "churned": i % 4 == 0} for i in range(400)]
    return build_marts(tmp_path_factory.mktemp("flat"), flat=rows)


def test_curve_is_the_product_of_what_stays(marts) -> None:
    curve = study.curves(marts)
    assert curve.row(age=2)["estimate"] == 1
    assert curve.row(age=3)["estimate"] == pytest.approx(65 / 80)
    assert curve.row(age=6)["estimate"] == pytest.approx(55 / 80)
    assert curve.row(age=3)["n"] == 80
    assert curve.row(age=11)["n"] == 55
    # The second cohort is followed to its eleventh month. Beyond it the forty of the first are, of whom half have left:
    # that fewer than thirty are still at risk must not hide them, else only groups that keep many would be seen.
    assert curve.row(age=12)["n"] == 20
    assert curve.row(age=12)["estimate"] == pytest.approx(55 / 80)
    assert curve.table["age"].max() == 17


def test_ages_not_reached_have_a_row_without_an_estimate(marts) -> None:
    points = study.survival_at(marts, ages=(6, 24))
    assert points.row(age=6)["estimate"] == pytest.approx(55 / 80)
    assert np.isnan(points.row(age=24)["estimate"])
    assert points.suppressed == 1


def test_triangle_counts_each_cohort_once_it_is_whole(marts) -> None:
    kept = study.triangle(marts, metric="logos")
    row = kept.row(cohort="2023-01", age=6)
    assert (row["estimate"], row["n"]) == (0.5, 40)
    np.testing.assert_allclose((row["low"], row["high"]), [float(x) for x in intervals.wilson(20, 40)[1:]])
    ages = kept.where(cohort="2023-07").table["age"]
    assert ages.max() == 11
    money = study.triangle(marts, metric="gross").row(cohort="2023-01", age=6)
    first = np.arange(100, 140)
    assert money["estimate"] == pytest.approx(first[20:].sum() / first.sum())
    net = study.triangle(marts, metric="net").row(cohort="2023-01", age=6)
    expected = intervals.ratio_jackknife(np.where(np.arange(40) >= 20, first, 0), first)
    assert (net["low"], net["high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert (kept.table.query("age == 0")[["estimate", "low", "high"]] == 1).all(axis=None)


def test_rows_of_logos_never_rise(marts) -> None:
    for _, row in study.triangle(marts).table.groupby("cohort"):
        assert (np.diff(row.sort_values("age")["estimate"]) <= 0).all()


def test_small_cohorts_pool_to_quarters_then_years(tmp_path) -> None:
    monthly = {f"2023-{month:02}-05": [None] * 12 for month in range(1, 7)}
    marts = build_marts(tmp_path, as_of=AS_OF, observed_from="2022-12-31", subscriptions=rows_of(monthly))
    by_quarter = study.triangle(marts)
    assert by_quarter.table["cohort"].unique().tolist() == ["2023 Q1", "2023 Q2"]
    assert by_quarter.table["n"].unique().tolist() == [36]
    assert any("pooled by quarter" in note for note in by_quarter.notes)
    assert study.triangle(marts, min_group=60).table["cohort"].unique().tolist() == ["2023"]
    hidden = study.triangle(marts, min_group=100)
    assert hidden.table["estimate"].isna().all()
    assert hidden.suppressed == len(hidden.table)


def test_only_what_was_known_at_sign_up_may_group(marts) -> None:
    with pytest.raises(SettingsError, match=r"known as of now"):
        study.curves(marts, by="manager")
    with pytest.raises(SettingsError, match=r"known as of a later date|do not have"):
        study.curves(marts, by="plan")
    with pytest.raises(SettingsError, match=r"colour"):
        study.curves(marts, by="colour")
    assert study.comparable(marts.meta) == ("first_plan", "first_term", "first_mrr", "region")


def test_cohort_year_and_half_group(marts) -> None:
    halves = study.cohorts_at_age(marts, age=6)
    assert halves.table["cohort"].tolist() == ["2023 H1", "2023 H2"]
    np.testing.assert_allclose(halves.table["estimate"], [0.5, 35 / 40])
    assert "the trend over them" in halves.notes[-1]
    assert study.curves(marts, by="cohort_year").table["level"].unique().tolist() == ["2023"]


def test_a_small_level_shows_its_size_only(tmp_path) -> None:
    rows = rows_of({"2023-01-10": [6] * 10 + [None] * 40}) + rows_of({"2023-01-10": [3] * 29}, "rare")
    marts = build_marts(tmp_path, as_of=AS_OF, observed_from="2022-12-31", subscriptions=rows)
    curves = study.curves(marts, by="first_plan")
    hidden = curves.where(level="rare").table
    assert hidden[["n"]].to_numpy().tolist() == [[29]]
    assert hidden["estimate"].isna().all()
    assert curves.suppressed == 1
    assert study.logrank(marts, by="first_plan").table.empty
    assert study.pairwise(marts, by="first_plan").table.empty


def test_the_whole_company_always_shows(tmp_path) -> None:
    marts = build_marts(
        tmp_path, as_of=AS_OF, observed_from="2022-12-31", subscriptions=rows_of({"2023-01-10": [3, None, None, None]})
    )
    assert study.curves(marts).row(age=3)["estimate"] == 0.75


def test_pairs_and_logrank_agree_for_two_groups(tmp_path) -> None:
    (early, lives), (late, others) = COHORTS.items()
    rows = rows_of({early: lives}, "one") + rows_of({late: others}, "two")
    marts = build_marts(tmp_path, as_of=AS_OF, observed_from="2022-12-31", subscriptions=rows)
    by_plan = study.logrank(marts, by="first_plan")
    pair = study.pairwise(marts, by="first_plan", age=6).table.iloc[0]
    assert pair["p"] == pytest.approx(by_plan.table["p"].iloc[0])
    assert pair["p_adjusted"] == pytest.approx(pair["p"])
    assert pair["estimate"] == pytest.approx(0.5 - 35 / 40)
    assert pair["low"] < pair["estimate"] < pair["high"] < 0
    assert by_plan.table["events"].sum() == pytest.approx(by_plan.table["expected"].sum())
    # Without censoring before the age, its own p is that of two plain shares: 20 and 35 of 40.
    assert pair["p_at_age"] == pytest.approx(proportions_ztest([20, 35], [40, 40])[1])
    assert pair["p_at_age_adjusted"] == pair["p_at_age"]


@pytest.mark.parametrize("grain", ["year", "half", "quarter"])
def test_cohorts_are_shown_and_not_tested(marts, grain) -> None:
    for test in (study.logrank, study.pairwise):
        with pytest.raises(SettingsError, match="not tested"):
            test(marts, by=["region", f"cohort_{grain}"])
    assert any("not tested" in note for note in study.curves(marts, by=f"cohort_{grain}").notes)


def test_not_being_filled_in_is_no_level_to_test(tmp_path) -> None:
    # Filled in only for those who stayed: the field tells who is still there and nothing else.
    rows = rows_of({"2023-01-10": [6] * 50 + [None] * 100})
    customers = [
        {"customer_id": row["customer_id"], "region": None if row["end_date"] else ("north", "south")[place % 2]}
        for place, row in enumerate(rows)
    ]
    marts = build_marts(
        tmp_path, as_of=AS_OF, observed_from="2022-12-31", subscriptions=rows, customers=customers,
        attributes={"region": {}},
    )  # fmt: skip
    tested = study.logrank(marts, by="region").table
    assert tested["level"].tolist() == ["north", "south"]
    assert tested["events"].sum() == 0


def test_a_group_is_hidden_by_its_size_and_never_by_its_losses(tmp_path) -> None:
    rows = rows_of({"2023-01-10": [5] * 32 + [None] * 8}, "loses") + rows_of({"2023-01-10": [None] * 40}, "keeps")
    marts = build_marts(tmp_path, as_of=AS_OF, observed_from="2022-12-31", subscriptions=rows)
    points = study.survival_at(marts, by="first_plan", ages=[12])
    assert points.row(level="loses", age=12)["estimate"] == pytest.approx(0.2)
    assert points.row(level="loses", age=12)["n"] == 8
    assert study.cohorts_at_age(marts).row(cohort="2023 H1")["estimate"] == pytest.approx(48 / 80)


def test_cohorts_that_the_data_cover_in_part_are_left_out(tmp_path) -> None:
    # As the sample does: complete from the close of 30 June, on which one account happens to sign up.
    rows = rows_of({"2023-06-30": [None], "2023-07-01": [None] * 30})
    customers = [{"customer_id": row["customer_id"], "signup_date": row["start_date"]} for row in rows]
    marts = build_marts(tmp_path, as_of=AS_OF, observed_from="2023-06-30", subscriptions=rows, customers=customers)
    assert study.triangle(marts).table["cohort"].unique().tolist() == ["2023-07"]
    assert study.cohorts_at_age(marts, age=6).table["cohort"].tolist() == ["2023 H2"]
    # It is followed all the same.
    assert study.curves(marts).row(age=0)["n"] == 31


@pytest.mark.parametrize("window", [1, 2, 12])
def test_a_snapshot_gives_a_period_life_table(tmp_path, window) -> None:
    # A steady stream of sign-ups on known hazards, seen once: who left before the window is not in the table.
    hazard = np.where(np.arange(1, 200) <= 3, 0.08, np.where(np.arange(1, 200) <= 12, 0.04, 0.015))
    truth = np.concatenate([[1.0], np.cumprod(1 - hazard)])
    random = np.random.default_rng(20260630)
    begun = random.uniform(0, 120, 60_000)
    life = np.searchsorted(-truth, -random.random(60_000))
    seen = begun + life > 120 - window
    left = (begun + life <= 120)[seen]
    tenure = np.where(left, life[seen], np.floor(120 - begun[seen])).astype(int)
    rows = [
        {"customer_id": f"c{i}", "tenure": int(t), "churned": bool(c)}
        for i, (t, c) in enumerate(zip(tenure, left, strict=True))
    ]
    table = build_marts(tmp_path, flat=rows, observation="snapshot", snapshot_window=window)
    found = study.survival_at(table, ages=[3, 6, 12, 24]).table
    # Five standard errors of the widest, at most; as if followed from the start it would be far off.
    np.testing.assert_allclose(found["estimate"], truth[[3, 6, 12, 24]], atol=0.04 if window < 12 else 0.02)
    naive = study.survival_at(build_marts(tmp_path / "naive", flat=rows), ages=[24]).table["estimate"].iloc[0]
    assert naive > truth[24] + 0.1
    assert any("period life table" in note.lower() for note in study.curves(table).notes)


def test_medians(marts) -> None:
    stay = study.medians(marts, by="cohort_half", horizon=6)
    assert stay.row(level="2023 H1", measure="median")["estimate"] == 6
    assert np.isnan(stay.row(level="2023 H2", measure="median")["estimate"])
    # Thirty stay six months, ten three.
    assert stay.row(level="2023 H1", measure="restricted_mean")["estimate"] == pytest.approx((30 * 6 + 10 * 3) / 40)


def test_appended_future_changes_nothing(marts, tmp_path) -> None:
    later = [*rows_of(COHORTS), *rows_of({"2024-07-01": [None] * 50})]
    again = build_marts(
        tmp_path,
        as_of=dt.date.fromisoformat(AS_OF),
        observed_from="2022-12-31",
        subscriptions=list(reversed(later)),
    )
    pd.testing.assert_frame_equal(study.curves(marts).table, study.curves(again).table)


def test_a_flat_table_of_undeclared_observation_says_so_first(flat) -> None:
    warning = study.observation_warning(flat.meta)
    assert warning.startswith("This curve may not be retention")
    assert study.curves(flat).notes[0] == warning
    assert study.medians(flat).notes[0] == warning
    tenure, churned = 1 + np.arange(400) % 40, np.arange(400) % 4 == 0
    expected = np.prod([1 - (churned & (tenure == k)).sum() / (tenure >= k).sum() for k in range(1, 13)])
    assert study.survival_at(flat, ages=(12,)).row(age=12)["estimate"] == pytest.approx(expected)
    for needs_dates in (study.triangle, study.cohort_trend):
        with pytest.raises(DataError, match="Cohorts need the date"):
            needs_dates(flat)


@pytest.mark.parametrize("observation", ["followed_from_start", "snapshot"])
def test_of_tenures_no_age_with_few_at_risk_is_shown(tmp_path, observation) -> None:
    rows = [{"customer_id": f"c{i:03}", "tenure": 1 + i % 10, "churned": i % 3 == 0} for i in range(28)]
    few = build_marts(tmp_path, flat=rows, observation=observation, snapshot_window=1)
    assert study.curves(few).table.empty
    assert study.survival_at(few, ages=[6]).table["estimate"].isna().all()
    stay = study.medians(few, horizon=0)
    assert stay.table["estimate"].isna().all()
    assert stay.row(measure="median")["n"] == 28


def test_a_declared_observation_is_not_warned_of_and_a_snapshot_is_a_life_table(tmp_path) -> None:
    rows = [{"customer_id": f"c{i:03}", "tenure": 1 + i % 4, "churned": i % 8 == 0} for i in range(400)]
    followed = build_marts(tmp_path / "a", flat=rows, observation="followed_from_start")
    assert study.observation_warning(followed.meta) is None
    snapshot = build_marts(tmp_path / "b", flat=rows, observation="snapshot", snapshot_window=1)
    # In the one month watched, fifty of the hundred in their first month left, and none of the others.
    table = study.curves(snapshot).table.set_index("age")["estimate"]
    assert table.loc[[1, 2, 3, 4]].tolist() == [0.5] * 4
    assert study.curves(followed).row(age=1)["estimate"] == pytest.approx(350 / 400)
    assert any("period life table" in note for note in study.curves(snapshot).notes)


def test_unknown_choices_are_refused(marts) -> None:
    with pytest.raises(SettingsError, match="metric must be one of"):
        study.triangle(marts, metric="nrr")
    with pytest.raises(SettingsError, match="grain must be one of"):
        study.triangle(marts, grain="week")


@pytest.fixture(scope="module")
def business(tmp_path_factory):
    """Thirty monthly cohorts of two plans, monthly and annual, the large plan leaving half as fast."""
    random = np.random.default_rng(7)
    rows = []
    for month in range(30):
        start = pd.Timestamp("2022-01-05") + pd.DateOffset(months=month)
        for place in range(16):
            large, annual = place % 2 == 0, place % 4 < 2
            hazard = (0.02 if large else 0.05) * (2.0 if month < 15 else 1.0)
            life = int(random.geometric(1 - (1 - hazard) ** 12)) * 12 if annual else int(random.geometric(hazard))
            end = start + pd.DateOffset(months=life)
            rows.append(
                {
                    "customer_id": f"c{month:02}-{place:02}",
                    "start_date": str(start.date()),
                    "end_date": str(end.date()) if end <= pd.Timestamp(AS_OF) else None,
                    "product": "large" if large else "small",
                    "mrr": 900 if large else 100,
                    "billing_months": 12 if annual else 1,
                }
            )
    return build_marts(tmp_path_factory.mktemp("business"), as_of=AS_OF, observed_from="2021-12-31", subscriptions=rows)


def test_cohort_trend_counts_are_those_of_the_accounts(business) -> None:
    found = study.cohort_trend(business)
    raw = found.row(kind="raw")
    about = business.frame("spells").query("spell == 1").merge(
        business.frame("accounts")[["customer_id", "cohort_month"]], on="customer_id"
    )  # fmt: skip
    began, ended = (pd.PeriodIndex(about[name], freq="M") for name in ("cohort_month", "end_date"))
    age = (ended.year - began.year) * 12 + ended.month - began.month
    # Ends of May and June may yet turn out to be pauses, so that April is the last month that counts.
    settled = pd.Period("2024-04", "M")
    assert raw["events"] == ((ended <= settled) & (age <= 24)).sum()
    assert raw["n"] == (began <= settled).sum()
    assert raw["cohorts"] == 28
    # What stays to twelve months, month by month of the calendar.
    kept = 1.0
    for months in range(13):
        seen = began + months <= settled
        at_risk = seen & (about["end_date"].isna() | (age >= months))
        kept *= 1 - (at_risk & (age == months)).sum() / at_risk.sum()
    assert raw["retention"] == pytest.approx(kept)
    assert raw["estimate"] == pytest.approx(kept ** raw["ratio"] - kept)
    assert raw["high"] == pytest.approx(kept ** raw["ratio_low"] - kept)


def test_later_cohorts_that_stay_longer_are_found_at_an_equal_mix_as_well(business) -> None:
    found = study.cohort_trend(business)
    assert (found.table["low"] > 0).all()
    assert found.table["agrees"].all()
    assert found.row(kind="adjusted")["adjusted_for"] == "First plan · First contract term · First MRR"
    assert found.row(kind="raw")["size_ratio"] == pytest.approx(1)


def test_only_larger_customers_are_no_better_cohorts(tmp_path) -> None:
    # Large accounts leave a third as often, and from month to month more of those who sign up are large.
    random = np.random.default_rng(1)
    rows = []
    for month in range(36):
        start = pd.Timestamp("2021-06-05") + pd.DateOffset(months=month)
        for place in range(40):
            large = place < month + 2
            life = int(random.geometric(0.02 if large else 0.06))
            end = start + pd.DateOffset(months=life)
            rows.append(
                {
                    "customer_id": f"c{month:02}-{place:02}",
                    "start_date": str(start.date()),
                    "end_date": str(end.date()) if end <= pd.Timestamp(AS_OF) else None,
                    "product": "large" if large else "small",
                    "mrr": 900 if large else 100,
                    "billing_months": 1,
                }
            )
    marts = build_marts(tmp_path, as_of=AS_OF, observed_from="2021-05-31", subscriptions=rows)
    found = study.cohort_trend(marts)
    raw, adjusted = found.row(kind="raw"), found.row(kind="adjusted")
    assert raw["low"] > 0
    assert adjusted["low"] < 0 < adjusted["high"]
    assert not found.table["agrees"].any()
    assert raw["size_low"] > 1


def test_where_accounts_are_alike_nothing_is_made_equal(tmp_path) -> None:
    # One plan, one price, one term: the raw trend is clear, and no mix of customers was allowed for.
    random = np.random.default_rng(3)
    rows = []
    for month in range(30):
        start = pd.Timestamp("2022-01-05") + pd.DateOffset(months=month)
        for place in range(30):
            end = start + pd.DateOffset(months=int(random.geometric(0.08 if month < 15 else 0.03)))
            rows.append(
                {
                    "customer_id": f"c{month:02}-{place:02}",
                    "start_date": str(start.date()),
                    "end_date": str(end.date()) if end <= pd.Timestamp(AS_OF) else None,
                    "mrr": 100,
                    "billing_months": 1,
                }
            )
    marts = build_marts(tmp_path, as_of=AS_OF, observed_from="2021-12-31", subscriptions=rows)
    found = study.cohort_trend(marts)
    raw, adjusted = found.row(kind="raw"), found.row(kind="adjusted")
    assert raw["low"] > 0
    assert np.isnan(adjusted["estimate"])
    assert adjusted["adjusted_for"] == ""
    assert not found.table["agrees"].any()
    said = trends.headline(found, age=12, words=Words(currency="GBP"))
    assert "later cohorts stay longer.**" in said
    assert "equal mix" not in said


@pytest.mark.parametrize(
    ("lives", "cohorts"),
    [([5], 1), ([None] * 40, 8), ([2] * 40, 8)],
    ids=["a cohort of one", "nobody left", "everybody left"],
)
def test_worlds_that_tell_nothing_say_so(tmp_path, lives, cohorts) -> None:
    months = [str((pd.Timestamp("2023-01-10") + pd.DateOffset(months=place)).date()) for place in range(cohorts)]
    marts = build_marts(
        tmp_path, as_of=AS_OF, observed_from="2022-12-31", subscriptions=rows_of(dict.fromkeys(months, lives))
    )
    trend = study.cohort_trend(marts)
    assert trend.table["estimate"].isna().all() or lives == [2] * 40
    assert trend.table["estimate"].isna().equals(trend.table["p"].isna())
    assert not trend.table["agrees"].any()
    shape = study.hazard_shape(marts).table.iloc[0]
    assert shape["shape"] == "unknown"
    rates = study.hazard_by_age(marts).table
    assert rates["estimate"].dropna().between(0, 1).all()
    for metric in study.METRICS:
        study.triangle(marts, metric=metric)


def test_rates_of_a_contract_are_counted_at_its_ends(business) -> None:
    rates = study.hazard_by_age(business)
    annual = rates.where(level="annual").table
    assert annual["age"].tolist() == [12, 24]
    about = business.frame("spells").query("spell == 1").merge(
        business.frame("accounts")[["customer_id", "first_term"]], on="customer_id"
    ).query("first_term == 12")  # fmt: skip
    whole = (pd.Timestamp(AS_OF) - about["start_date"]).dt.days // 30.4
    assert annual["n"].iloc[0] == (about["start_date"] <= "2023-06-30").sum()
    assert annual["events"].iloc[0] == (about["exit_month"] == 12)[about["event_month"] & (whole >= 12)].sum()
    monthly = rates.where(level="monthly").table
    assert monthly["age"].tolist()[:3] == [1, 2, 3]
    counted = study.curves(business, by="first_term").where(level="monthly").table.set_index("age")
    np.testing.assert_array_equal(monthly["events"].head(12), counted["events"].loc[1:12])


def test_the_shape_of_leaving_is_told_by_term(tmp_path) -> None:
    random = np.random.default_rng(5)
    rows = []
    for place in range(1500):
        start = pd.Timestamp("2021-07-01") + pd.DateOffset(months=place % 30)
        early = int(random.geometric(0.08))
        life = early if early <= 3 else 3 + int(random.geometric(0.015))
        end = start + pd.DateOffset(months=life)
        rows.append(
            {
                "customer_id": f"c{place:04}",
                "start_date": str(start.date()),
                "end_date": str(end.date()) if end <= pd.Timestamp(AS_OF) else None,
                "product": "one",
                "mrr": 100,
                "billing_months": 1,
            }
        )
    marts = build_marts(tmp_path, as_of=AS_OF, observed_from="2021-06-30", subscriptions=rows)
    found = study.hazard_shape(marts).row(level="monthly")
    assert (found["shape"], found["form"], found["turn"], found["step"]) == ("falling", "phase", 3, 1)
    assert found["early"] == pytest.approx(0.08, abs=0.012)
    assert found["late"] == pytest.approx(0.015, abs=0.004)
    assert found["turn_low"] <= 3 <= found["turn_high"]
