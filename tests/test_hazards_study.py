"""Hazard ratios of groups of accounts: recounted from single months, against Cox, and in traps that mislead."""

from __future__ import annotations

import html

import numpy as np
import pandas as pd
import pytest

from customer_value.errors import SettingsError
from customer_value.marts.hazard_cells import hazard_cells
from customer_value.stats import intervals
from customer_value.strategy.answers import hazards as answers
from customer_value.strategy.established import hazards as established
from customer_value.strategy.wording import Words
from customer_value.studies.cohort_survival import hazards as study
from customer_value.studies.cohort_survival.standardised import standardised_retention
from marts_fixtures import build_marts

WORDS = Words(currency="GBP")
AS_OF, FIRST = pd.Timestamp("2024-12-31"), pd.Timestamp("2022-01-01")
ACCOUNTS = 1500


def drawn(seed: int) -> pd.DataFrame:
    """Accounts that begin over two years; large ones are in the north, and leave at 0.3 times the rate of small ones.

    The region itself changes nothing. Four in ten are under an annual contract and leave at its end only. Of those
    about to leave half move to the cheaper plan a month before.
    """
    rng = np.random.default_rng(seed)
    large = rng.random(ACCOUNTS) < 0.5
    north = rng.random(ACCOUNTS) < np.where(large, 0.8, 0.2)
    annual = rng.random(ACCOUNTS) < 0.4
    began = FIRST + pd.to_timedelta(rng.integers(0, 730, ACCOUNTS), unit="D")
    rate = np.where(large, 0.3, 1.0)
    months = np.where(
        annual,
        12 * rng.geometric(1 - np.exp(-0.45 * rate)),
        rng.geometric(1 - np.exp(-0.05 * rate)),
    )
    return pd.DataFrame(
        {
            "customer_id": [f"c{place:04}" for place in range(ACCOUNTS)],
            "began": began,
            "months": months,
            "mrr": np.where(large, 900, 90),
            "region": np.where(north, "north", "south"),
            "term": np.where(annual, 12, 1),
            "cut": (rng.random(ACCOUNTS) < 0.5) & (months > 2),
        }
    )


@pytest.fixture(scope="module")
def accounts() -> pd.DataFrame:
    return drawn(1)


@pytest.fixture(scope="module")
def marts(accounts, tmp_path_factory):
    rows = []
    for one in accounts.itertuples():
        end = one.began + pd.DateOffset(months=int(one.months))
        cheap = one.began + pd.DateOffset(months=int(one.months) - 1)
        left = end <= AS_OF
        row = {"customer_id": one.customer_id, "start_date": one.began, "mrr": one.mrr, "product": "full"}
        row |= {"billing_months": one.term, "end_date": end if left else None}
        if left and one.cut and one.term == 1:
            rows.append({**row, "end_date": cheap})
            row = {**row, "start_date": cheap, "product": "lite"}
        rows.append(row)
    for row in rows:
        for name in ("start_date", "end_date"):
            row[name] = None if row.get(name) is None else str(row[name].date())
    return build_marts(
        tmp_path_factory.mktemp("hazards"),
        as_of=str(AS_OF.date()),
        observed_from="2021-12-31",
        subscriptions=rows,
        customers=accounts[["customer_id", "region"]].to_dict("records"),
        attributes={"region": {}},
    )


def test_cells_are_single_months_counted(marts) -> None:
    cells = hazard_cells(marts, ["region", "size", "plan"], lag=2)
    months = marts.frame("risk_months").sort_values(["customer_id", "month"]).merge(
        marts.frame("accounts")[["customer_id", "region"]], on="customer_id"
    )  # fmt: skip
    held = months.groupby("customer_id")[["opening_mrr", "opening_plan"]]
    before = held.shift(2).fillna(held.transform("first"))
    months = months.assign(plan=before["opening_plan"], large=before["opening_mrr"] >= 900)
    keys = ["term", "since_term", "region", "plan", "large"]
    by_hand = months.groupby(keys)["churned"].agg(at_risk="size", events="sum")
    cells = cells.assign(large=cells["size"].astype(str).str.contains("or more"))
    ours = cells.astype({"region": str, "plan": str}).groupby(keys)[["at_risk", "events"]].sum()
    pd.testing.assert_frame_equal(ours, by_hand, check_names=False, check_dtype=False, check_index_type=False)
    assert hazard_cells(marts, ["region"], accounts=200)["at_risk"].sum() == (months["account"] < 200).sum()


def test_raw_misleads_where_size_decides_and_adjusted_does_not(marts) -> None:
    """Simpson: the north keeps its accounts because they are large."""
    ratios = study.hazard_ratios(marts)
    rows = ratios.where(attribute="region").table.set_index("kind")
    sign = 1 if rows["reference"].iloc[0] == "south" else -1
    assert sign * np.log(rows.loc["raw", "estimate"]) < -0.4
    assert rows.loc["raw", "p"] < 1e-6
    assert rows.loc["adjusted", "low"] < 1 < rows.loc["adjusted", "high"]
    size = ratios.where(attribute="size", kind="adjusted").table.iloc[0]
    truth = 0.3 if size["reference"].startswith("under") else 1 / 0.3
    assert size["low"] <= truth <= size["high"]
    assert size["agrees"]
    assert "first_term" not in set(ratios.table["attribute"])
    said = answers.detail(ratios, labels=study.attributes(marts), lag=3, words=WORDS)
    assert "What seems to go with “Region” is no longer clear" in said
    findings = established.rates(ratios, labels=study.attributes(marts))
    assert len(findings) == (ratios.table["kind"] == "adjusted").sum()
    region = next(one for one in findings if "region" in one.id)
    assert (region.direction, region.design) == ("none", "C")


def test_a_plan_cut_just_before_leaving_explains_nothing_once_it_is_read_earlier(marts) -> None:
    cells = hazard_cells(marts, ["plan"], lag=0)
    counts = cells.groupby("plan", observed=True)[["at_risk", "events"]].sum()
    rate = counts["events"] / counts["at_risk"]
    assert rate["lite"] > 0.9 > 20 * rate["full"]
    # Read three months before, nobody has cut down yet.
    assert hazard_cells(marts, ["plan"], lag=3)["plan"].nunique() == 1


def test_counts_and_cox_by_rows_agree(marts) -> None:
    beside = study.cox_beside(marts)
    assert set(beside.table["method"]) == {"counts", "rows"}
    assert beside.table["apart"].max() <= 0.1
    assert "standard errors" in answers.ways_agree(beside, words=WORDS)


def test_two_ways_are_the_same_only_where_they_are(marts) -> None:
    beside = study.cox_beside(marts)
    assert "gives the same ratios" in answers.ways_agree(beside, words=WORDS)
    apart = beside.with_table(beside.table.assign(apart=0.7))
    assert "does not give the same ratios" in answers.ways_agree(apart, words=WORDS)


def test_a_group_that_nobody_left_is_said_to_be_untested(marts) -> None:
    ratios = study.hazard_ratios(marts)
    assert "nobody left" not in answers.limits(ratios, words=WORDS)
    region = (ratios.table["attribute"] == "region") & (ratios.table["kind"] == "adjusted")
    blank = ratios.table.assign(status=ratios.table["status"].mask(region, "unbounded"))
    blank.loc[region, ["estimate", "low", "high", "p", "p_adjusted"]] = np.nan
    assert "group large enough to show, nobody left" in answers.limits(ratios.with_table(blank), words=WORDS)


def test_ratios_by_age_and_their_words(marts) -> None:
    ratios = study.hazard_ratios(marts)
    by_age = study.ratios_by_age(marts, by=["size"])
    assert list(by_age.table["band"].unique()) == ["first 6 months", "months 7 to 12", "later"]
    assert by_age.table["events"].sum() == ratios.where(attribute="size", kind="adjusted").table["events"].sum()
    labels = study.attributes(marts)
    assert "one ratio may stand for all ages" in answers.ages(ratios, labels=labels, words=WORDS)
    changing = ratios.with_table(ratios.table.assign(proportional=ratios.table["attribute"] != "size"))
    assert answers.not_constant(changing) == ["size"]
    assert "one ratio misleads" in answers.ages(changing, labels=labels, words=WORDS).replace("**", "")
    assert answers.bands_drawn(by_age, labels=labels).table["group"].is_unique


def test_contracts_are_compared_by_the_share_kept(marts, accounts) -> None:
    like = standardised_retention(marts, by=["first_term"], ages=[12])
    raw = like.row(attribute="first_term", level="monthly", age=12, kind="raw")
    whole = accounts[accounts["began"] + pd.DateOffset(months=12) <= AS_OF]
    kept = (whole["months"] > 12).groupby(whole["term"]).agg(["mean", "size"])
    assert (raw["group_share"], raw["rest_share"]) == tuple(kept["mean"])
    expected = intervals.share_difference(*kept.loc[1], *kept.loc[12])
    assert [raw["estimate"], raw["low"], raw["high"], raw["p"]] == pytest.approx([float(one) for one in expected])
    adjusted = like.row(attribute="first_term", level="monthly", age=12, kind="adjusted")
    # Contracts were chosen regardless of size and region here, so adjusting changes little.
    assert adjusted["estimate"] == pytest.approx(raw["estimate"], abs=0.03)
    assert "Of otherwise like accounts" in answers.contracts(like, labels={"first_term": "Term"}, age=12, words=WORDS)
    assert len(established.contracts(like, labels={"first_term": "Term"}, words=WORDS)) == 1


def test_a_difference_without_overlap_is_to_be_tested_first(marts) -> None:
    like = standardised_retention(marts, by=["first_term"], ages=[12])
    assert not like.table.loc[like.table["kind"] == "raw", "agrees"].any()
    adjusted = like.row(attribute="first_term", level="monthly", age=12, kind="adjusted")
    raw = like.row(attribute="first_term", level="monthly", age=12, kind="raw")
    assert adjusted["agrees"] == (adjusted["overlap"] >= 0.5 and adjusted["estimate"] * raw["estimate"] > 0)
    for agrees, design in ((True, "B"), (False, "C")):
        (found,) = established.contracts(
            like.with_table(like.table.assign(agrees=agrees)), labels={"first_term": "Term"}, words=WORDS
        )
        assert found.design == design


def test_none_is_compared_with_accounts_of_no_stated_level(tmp_path) -> None:
    # An industry is filled in, long after sign-up, of half of those that stayed; most that left have none.
    random = np.random.default_rng(4)
    rows, customers = [], []
    for place in range(900):
        start = pd.Timestamp("2022-01-05") + pd.DateOffset(months=place % 24)
        end = start + pd.DateOffset(months=int(random.geometric(0.05)))
        left = end <= AS_OF
        name = f"c{place:03}"
        rows.append({"customer_id": name, "start_date": str(start.date()), "billing_months": 1, "mrr": 100})
        rows[-1]["end_date"] = str(end.date()) if left else None
        known = random.random() < (0.15 if left else 0.8)
        customers.append({"customer_id": name, "industry": "retail" if place % 2 else "finance"} if known else
                         {"customer_id": name, "industry": None})  # fmt: skip
    marts = build_marts(
        tmp_path, as_of=str(AS_OF.date()), observed_from="2021-12-31", subscriptions=rows, customers=customers,
        attributes={"industry": {}},
    )  # fmt: skip
    for table in (study.hazard_ratios(marts).table, study.ratios_by_age(marts).table):
        assert set(table["reference"]) <= {"retail", "finance"}
        assert len(set(table["level"]) | set(table["reference"])) == 2
    assert not (study.hazard_ratios(marts).table["p_adjusted"] <= 0.05).any()
    # Nothing is left to adjust for, and so nothing to fit twice.
    assert study.cox_beside(marts).table.empty


def test_what_is_filled_in_for_stayers_only_is_not_adjusted_for(tmp_path) -> None:
    # The north leaves twice as fast; an industry that hardly any account that left states would hide a part of that.
    random = np.random.default_rng(1)
    rows, customers = [], []
    for place in range(1200):
        start = pd.Timestamp("2022-01-05") + pd.DateOffset(months=place % 24)
        end = start + pd.DateOffset(months=int(random.geometric(0.06 if place % 2 else 0.03)))
        left = end <= AS_OF
        about = {"customer_id": f"c{place:04}"}
        rows.append({**about, "start_date": str(start.date()), "billing_months": 1, "mrr": 100})
        rows[-1]["end_date"] = str(end.date()) if left else None
        stated = not left or random.random() < 0.1
        industry = ("retail" if place % 3 else "finance") if stated else None
        customers.append({**about, "region": "north" if place % 2 else "south", "industry": industry})
    marts = build_marts(
        tmp_path, as_of=str(AS_OF.date()), observed_from="2021-12-31", subscriptions=rows, customers=customers,
        attributes={"region": {}, "industry": {}},
    )  # fmt: skip
    ratios = study.hazard_ratios(marts)
    region = ratios.where(attribute="region").table.set_index("kind")
    assert region.loc["adjusted", "log_ratio"] == pytest.approx(region.loc["raw", "log_ratio"], abs=0.05)
    said = html.unescape(answers.limits(ratios, words=WORDS))
    assert "- Not adjusted for, being too often not stated: Industry." in said
    industry = ratios.where(attribute="industry", kind="adjusted").table
    assert len(industry) == 1
    assert "industry" in set(study.ratios_by_age(marts).table["attribute"])
    like = standardised_retention(marts, by=["region"], ages=[12]).table.set_index("kind")["estimate"]
    assert like["adjusted"] == pytest.approx(like["raw"], abs=0.01)


def test_too_few_losses_and_flat_tables_have_nothing(tmp_path) -> None:
    few = [{"customer_id": f"c{place}", "start_date": "2023-01-10", "product": "ab"[place % 2]} for place in range(40)]
    calm = build_marts(tmp_path / "calm", as_of="2024-06-30", observed_from="2022-12-31", subscriptions=few)
    flat = build_marts(tmp_path / "flat", flat=[{"customer_id": "a", "tenure": 3, "churned": True}])
    for marts in (calm, flat):
        ratios = study.hazard_ratios(marts)
        assert ratios.table.empty
        assert study.ratios_by_age(marts).table.empty
        assert study.cox_beside(marts).table.empty
        assert "Too few accounts have left" in answers.headline(ratios, labels={}, words=WORDS)
        assert answers.to_draw(ratios, labels={}).table.empty
        assert answers.bands_drawn(study.ratios_by_age(marts), labels={}).table.empty
        assert answers.bands_shown(study.ratios_by_age(marts), labels={}).table.empty
        assert answers.ages(ratios, labels={}, words=WORDS) == ""
        assert established.rates(ratios, labels={}) == []
    assert standardised_retention(flat, by=[]).table.empty
    with pytest.raises(SettingsError, match="colour"):
        hazard_cells(calm, ["colour"])
    with pytest.raises(SettingsError, match="lag"):
        hazard_cells(calm, ["plan"], lag=-1)
