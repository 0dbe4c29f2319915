"""The sample business: the same by seed, in the contract's words, and with everything in it that a report must meet."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from customer_value.errors import SettingsError
from customer_value.intake import load
from customer_value.intake.contract import BY_NAME
from customer_value.simulate import NULL, Features, as_flat, as_snapshots, make_sample, simulate, write, write_large
from customer_value.simulate.business import MONTHLY, TABLES

LARGE = ["activity_monthly.parquet", "feature_usage_monthly.parquet"]
FILES = sorted([*LARGE, *(f"{name}.csv" for name in TABLES if name not in (*MONTHLY, "usage_events")), "mapping.yml",
                "truth.json"])  # fmt: skip


@pytest.fixture(scope="module")
def world():
    return simulate(accounts=2000)


@pytest.fixture(scope="module")
def plans(world) -> pd.DataFrame:
    rows = world.tables["subscriptions"]
    rows = rows[rows["kind"] == "plan"].copy()
    before = rows.groupby("customer_id")[["end_date", "product", "quantity", "mrr", "billing_months"]].shift()
    return rows.join(before.add_prefix("last_"))


def mrr_at(world, day: str) -> pd.Series:
    """MRR by account at the close of a day."""
    rows = world.tables["subscriptions"]
    held = rows[(rows["start_date"] <= day) & ~(rows["end_date"] <= day)]
    return held.groupby("customer_id")["mrr"].sum()


def test_same_seed_same_bytes(tmp_path):
    for name in ("a", "b"):
        write(simulate(accounts=300, seed=5), tmp_path / name)
    write(simulate(accounts=300, seed=6), tmp_path / "c")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == FILES
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    for name in ("customers.csv", "subscriptions.csv", "nps_responses.csv", *LARGE):
        assert (tmp_path / "a" / name).read_bytes() != (tmp_path / "c" / name).read_bytes(), name


def test_two_thousand_accounts_in_under_five_seconds():
    began = time.process_time()
    simulate(accounts=2000)
    assert time.process_time() - began < 5


def test_columns_are_the_contract_s(world):
    for name, table in world.tables.items():
        declared = set(world.truth["known_at"]) if name == "customers" else set()
        assert set(table) - declared <= set(BY_NAME[name].names), name
        assert set(BY_NAME[name].required) <= set(table), name


def test_money_has_two_decimals(tmp_path, world):
    write(world, tmp_path)
    written = pd.read_csv(tmp_path / "subscriptions.csv", dtype=str)
    for column in ("mrr", "list_mrr"):
        assert written[column].str.fullmatch(r"\d+\.\d\d").all()
    assert (written["mrr"].astype(float) > 0).all()
    assert (written["mrr"].astype(float) <= written["list_mrr"].astype(float)).all()


def test_keys_and_dates_are_sound(world):
    customers, rows = world.tables["customers"], world.tables["subscriptions"]
    assert len(customers) == 2000
    assert customers["customer_id"].is_unique
    assert customers["name"].is_unique
    assert set(rows["customer_id"]) == set(customers["customer_id"])
    assert (rows["end_date"].isna() | (rows["end_date"] > rows["start_date"])).all()
    close = pd.Timestamp(world.truth["end"])
    assert rows["start_date"].max() <= close
    assert rows["end_date"].max() <= close
    assert not rows[rows["end_date"].isna()][["end_reason", "end_kind"]].notna().any(axis=None)


def test_names_stay_unique_beyond_the_pairs_of_words():
    names = simulate(accounts=9000, months=3).tables["customers"]["name"]
    assert names.is_unique


def test_products_of_an_account_do_not_overlap_with_themselves(world):
    rows = world.tables["subscriptions"].assign(
        of=lambda rows: np.where(rows["kind"] == "plan", "plan", rows["product"])
    )
    rows = rows.sort_values(["customer_id", "of", "start_date"])
    last_end = rows.groupby(["customer_id", "of"])["end_date"].shift()
    first = ~rows.duplicated(["customer_id", "of"])
    assert (first | (last_end <= rows["start_date"])).all()


def test_addons_lie_within_the_plan_s_time(world, plans):
    """No account holds an add-on on a day without a plan, once the data begin.

    Before that day only the lines still in force are in the export: an add-on may be older than the plan beside it.
    """
    rows = world.tables["subscriptions"]
    addons = rows[rows["kind"] == "addon"]
    begin = addons["start_date"].clip(lower=pd.Timestamp(world.truth["observed_from"]))
    days = pd.concat([begin, addons["end_date"].dropna() - pd.Timedelta(days=1)])
    wanted = addons.loc[days.index, ["customer_id"]].assign(day=days.to_numpy(), key=np.arange(len(days)))
    held = wanted.merge(plans[["customer_id", "start_date", "end_date"]], on="customer_id")
    held = held[(held["start_date"] <= held["day"]) & ~(held["end_date"] <= held["day"])]
    assert held["key"].is_unique
    assert len(held) == len(wanted)


def test_annual_contracts_end_only_on_whole_terms(plans):
    """Counted from the first of the unbroken rows with the same term, as the contract says of due dates."""
    new_run = (plans["last_end_date"] != plans["start_date"]) | (
        plans["last_billing_months"] != plans["billing_months"]
    )
    run = new_run.groupby(plans["customer_id"]).cumsum()
    began = plans.groupby([plans["customer_id"], run])["start_date"].transform("min")
    ended = plans["end_kind"].notna() & (plans["billing_months"] == 12)
    assert ended.sum() > 200
    months = (plans["end_date"].dt.year - began.dt.year) * 12 + plans["end_date"].dt.month - began.dt.month
    assert (months[ended] % 12 == 0).all()
    fell = np.minimum(began.dt.day, plans["end_date"].dt.days_in_month)
    # a term begun on a clamped day (28 February for the 31st) may be due up to three days later in a longer month
    assert (plans["end_date"].dt.day - fell)[ended].between(0, 3).all()
    assert ((plans["end_date"].dt.day == fell)[ended]).mean() > 0.99


def test_opening_stock_is_known_by_its_sign_up(world, plans):
    observed_from = pd.Timestamp(world.truth["observed_from"])
    assert observed_from == pd.Timestamp(2023, 6, 30)
    signup = world.tables["customers"].set_index("customer_id")["signup_date"]
    stock = signup <= observed_from
    assert stock.mean() == pytest.approx(0.45)
    assert (signup[stock] < observed_from - pd.Timedelta(days=365)).mean() > 0.5
    first = plans.groupby("customer_id")["start_date"].min()
    assert (first[~stock] == signup[~stock]).all()
    assert (first[stock] >= signup[stock]).all()
    held = plans[(plans["start_date"] <= observed_from) & ~(plans["end_date"] <= observed_from)]
    assert set(signup.index[stock]) <= set(held["customer_id"])


def test_revenue_has_a_heavy_tail_and_no_giant(world):
    now = mrr_at(world, world.truth["end"]).sort_values(ascending=False)
    assert 0.45 < now.head(len(now) // 10).sum() / now.sum() < 0.65
    assert now.iloc[0] / now.sum() < 0.04
    assert 8e6 < now.sum() * 12 < 12e6


def test_retention_is_that_of_a_plausible_business(world):
    for year in (2023, 2024, 2025):
        start = mrr_at(world, f"{year}-07-01")
        end = mrr_at(world, f"{year + 1}-06-30").reindex(start.index).fillna(0.0)
        assert 0.97 < end.sum() / start.sum() < 1.08
        assert 0.83 < np.minimum(start, end).sum() / start.sum() < 0.92
        assert 0.80 < (end > 0).mean() < 0.90


def test_every_kind_of_movement_occurs(plans, world):
    gap = (plans["start_date"] - plans["last_end_date"]).dt.days
    assert (gap.between(1, 31)).sum() >= 20, "pauses within grace"
    assert (gap > 31).sum() >= 20, "reactivations"
    assert gap.between(27, 33).sum() == 0, "no gap so near to grace that a day more or less would decide"
    joined = plans[gap == 0]
    rank = world.tables["plans"].set_index("plan")["rank"]
    step = joined["product"].map(rank) - joined["last_product"].map(rank)
    assert (step > 0).sum() >= 50, "same-day upgrades"
    assert (step < 0).sum() >= 20, "same-day downgrades"
    assert (joined["quantity"] > joined["last_quantity"]).sum() >= 500
    assert (joined["quantity"] < joined["last_quantity"]).sum() >= 150
    same = (step == 0) & (joined["quantity"] == joined["last_quantity"])
    assert (joined["mrr"] > joined["last_mrr"])[same].sum() >= 500, "price rises"
    assert (joined["mrr"] < joined["last_mrr"])[same].sum() >= 20, "discounts at renewal"
    assert (joined["billing_months"] > joined["last_billing_months"]).sum() >= 20, "monthly to annual"
    assert (joined["billing_months"] < joined["last_billing_months"]).sum() >= 5, "annual to monthly"
    within = (plans["end_date"] - plans["start_date"]).dt.days <= 14
    within &= plans["end_date"].dt.to_period("M") == plans["start_date"].dt.to_period("M")
    assert (within & plans["end_kind"].notna()).sum() >= 2, "came and went within a month"
    kinds = plans["end_kind"].value_counts()
    assert 0.08 < kinds["involuntary"] / kinds.sum() < 0.30
    assert plans.loc[plans["end_kind"] == "voluntary", "end_reason"].nunique() >= 5
    addons = world.tables["subscriptions"].query("kind == 'addon'")
    assert addons["customer_id"].nunique() > 300


@pytest.mark.parametrize("accounts", [20, 300])
def test_the_data_reach_their_last_day(accounts):
    """Else the default as-of date would be a month earlier in a small sample."""
    small = simulate(accounts=accounts)
    assert small.tables["subscriptions"]["start_date"].max() == pd.Timestamp(small.truth["end"])


def test_renewals_and_ends_fall_on_the_last_day_too(plans, world):
    last = plans[plans["start_date"] == pd.Timestamp(world.truth["end"])]
    assert (last["last_end_date"] == last["start_date"]).any()


def test_health_is_a_trap(world):
    """Known for survivors only: whoever groups by it finds that customers without it all left."""
    customers = world.tables["customers"].set_index("customer_id")
    active = customers.index.isin(mrr_at(world, world.truth["end"]).index)
    assert world.truth["known_at"]["health"] == "current"
    assert (customers["health"].notna() == active).all()


def test_sample_is_made_once(tmp_path):
    folder = make_sample(tmp_path / "sample", accounts=50, seed=3)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert set(FILES) <= set(before)
    assert make_sample(folder, accounts=50, seed=3) == folder
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.parametrize("harm", ["edit", "remove", "other"])
def test_a_sample_that_is_not_the_one_wanted_is_made_again(tmp_path, harm):
    folder = make_sample(tmp_path / "sample", accounts=50, seed=3)
    want = (folder / "subscriptions.csv").read_bytes()
    if harm == "edit":
        (folder / "subscriptions.csv").write_bytes(want + b"x\n")
    elif harm == "remove":
        (folder / "subscriptions.csv").unlink()
    else:
        make_sample(folder, accounts=50, seed=4)
        assert (folder / "subscriptions.csv").read_bytes() != want
    make_sample(folder, accounts=50, seed=3)
    assert (folder / "subscriptions.csv").read_bytes() == want


def test_small_and_short_businesses_work():
    tiny = simulate(accounts=20, months=1)
    assert len(tiny.tables["customers"]) == 20
    early = simulate(accounts=40, months=12, end=date(2024, 2, 29))
    assert early.truth["observed_from"] == "2023-02-28"


def test_intake_takes_every_table_whole(tmp_path):
    """Only the orphans laid on purpose are set aside; every rule that stops passes."""
    small = simulate(accounts=300, months=24)
    folder = write(small, tmp_path / "data")
    load(folder, mapping=folder / "mapping.yml", out=tmp_path / "tables")
    quality = pd.read_parquet(tmp_path / "tables" / "quality.parquet")
    aside = quality[(quality["severity"] == "set_aside") & (quality["rows"] > 0)]
    assert dict(zip(aside["table"], aside["rows"], strict=True)) == {"nps_responses": 3, "support_tickets": 3}
    assert set(aside["rule"]) == {"unknown_account"}
    for name, table in small.tables.items():
        orphans = 3 if name in ("nps_responses", "support_tickets") else 0
        assert len(pd.read_parquet(tmp_path / "tables" / f"{name}.parquet")) == len(table) - orphans, name


def test_every_table_of_the_contract_is_there(world):
    """But those that stand instead of others: snapshots, a flat table, and events where use is summed by month."""
    assert set(BY_NAME) - set(world.tables) == {"mrr_snapshots", "flat", "exchange_rates", "usage_events"}


def test_use_lies_within_the_account_s_days_and_people(world):
    features, activity = world.tables["feature_usage_monthly"], world.tables["activity_monthly"]
    cells = features.groupby(["customer_id", "month"])[["events", "active_days", "users"]].agg(["sum", "max"])
    whole = activity.set_index(["customer_id", "month"])
    assert cells.index.equals(whole.index.sort_values())
    whole = whole.loc[cells.index]
    assert (whole["events"] == cells["events", "sum"]).all()
    for column in ("active_days", "users"):
        assert (whole[column] >= cells[column, "max"]).all()
        assert (whole[column] <= whole["events"]).all()
        assert (features[column] <= features["events"]).all()
        assert whole[column].sum() < 0.8 * cells[column, "sum"].sum(), "days and users do not add up over features"
    assert (whole["active_days"] <= 23).all()


def test_snapshots_are_the_lines_at_each_close(tmp_path):
    small = as_snapshots(simulate(accounts=300, months=12, tables=["customers", "subscriptions"]))
    whole = simulate(accounts=300, months=12)
    rows = small.tables["mrr_snapshots"]
    assert rows["month"].nunique() == 12
    for close in ("2025-07-31", "2026-06-30"):
        at_close = rows[rows["month"] == pd.Timestamp(close).replace(day=1)].set_index("customer_id")["mrr"]
        pd.testing.assert_series_equal(at_close, mrr_at(whole, close), check_names=False)
    assert rows[["plan", "seats"]].notna().all(axis=None)
    folder = write(small, tmp_path / "data")
    load(folder, mapping=folder / "mapping.yml", out=tmp_path / "tables")


def test_flat_tenures_are_those_of_the_truth(tmp_path):
    """A life table of the tenures follows the true survival: 4 standard errors at 12 and 24 months."""
    large = simulate(accounts=4000, tables=["customers", "subscriptions"])
    flat = as_flat(large).tables["flat"]
    assert flat["customer_id"].is_unique
    assert len(flat) == (large.tables["customers"]["signup_date"] > pd.Timestamp(large.truth["observed_from"])).sum()
    survival, variance = 1.0, 0.0
    for month in range(1, 25):
        at_risk = (flat["tenure"] >= month).sum()
        events = (flat["churned"] & (flat["tenure"] == month)).sum()
        survival *= 1 - events / at_risk
        variance += events / (at_risk * (at_risk - events))
        if month in (12, 24):
            error = survival * np.sqrt(variance)
            assert abs(survival - large.truth["survival"]["all"]["all"][month]) < 4 * error
    small = as_flat(simulate(accounts=300, tables=["customers", "subscriptions"]))
    folder = write(small, tmp_path / "data")
    load(folder, mapping=folder / "mapping.yml", out=tmp_path / "tables")


def test_some_use_lies_after_the_end(world, plans):
    """A forgotten key: a few rows, which no study may count."""
    ends = plans.groupby("customer_id")["end_date"].agg(lambda days: days.max() if days.notna().all() else pd.NaT)
    activity = world.tables["activity_monthly"]
    after = activity["month"] >= activity["customer_id"].map(ends)
    assert after.sum() == world.truth["parameters"]["blemishes"]["outside"]


def test_events_sum_to_the_months():
    """The same seed gives the same use, event by event or summed: times, days and users of each cell agree."""
    options = {"accounts": 60, "months": 6, "seed": 8}
    summed = simulate(**options).tables
    events = simulate(**options, events=True).tables
    assert set(summed) - set(events) == {"feature_usage_monthly", "activity_monthly"}
    rows = events["usage_events"].assign(
        month=lambda rows: rows["event_time"].dt.to_period("M").dt.to_timestamp(),
        day=lambda rows: rows["event_time"].dt.normalize(),
    )
    cells = rows.groupby(["customer_id", "month", "feature"]).agg(
        events=("feature", "size"), active_days=("day", "nunique"), users=("user_id", "nunique")
    )
    expected = summed["feature_usage_monthly"].set_index(["customer_id", "month", "feature"]).sort_index()
    pd.testing.assert_frame_equal(cells.sort_index(), expected, check_dtype=False, check_index_type=False)
    whole = rows.groupby(["customer_id", "month"])[["day", "user_id"]].nunique()
    activity = summed["activity_monthly"].set_index(["customer_id", "month"]).loc[whole.index]
    assert (whole["day"] <= activity["active_days"]).all()
    assert (whole["user_id"] <= activity["users"]).all()


def test_written_large_it_has_the_same_rows(tmp_path):
    options = {"accounts": 60, "months": 6, "seed": 8}
    rows = write_large(tmp_path / "large", **options)
    whole = simulate(**options, events=True)
    assert rows == {name: len(table) for name, table in whole.tables.items()}
    write(whole, tmp_path / "small", parquet=tuple(whole.tables))
    for name in rows:
        large, small = (pd.read_parquet(tmp_path / place / f"{name}.parquet") for place in ("large", "small"))
        pd.testing.assert_frame_equal(large.astype(str), small.astype(str))
    for name in ("mapping.yml", "truth.json"):
        assert (tmp_path / "large" / name).read_bytes() == (tmp_path / "small" / name).read_bytes()


def test_bills_are_those_of_the_contracts(world, plans):
    """Monthly contracts are billed what is recognised, annual ones a year ahead; every failed end has its bill."""
    bills = world.tables["invoices"]
    first, close = pd.Timestamp(world.truth["observed_from"]), pd.Timestamp(world.truth["end"])
    assert bills["issued_on"].between(first + pd.Timedelta(days=1), close).all()
    assert (bills["amount"] > 0).all()
    rows = world.tables["subscriptions"]
    monthly = rows.groupby("customer_id")["billing_months"].transform("max") == 1
    lines = rows[monthly]
    began = lines["start_date"].clip(lower=first)
    days = (lines["end_date"].fillna(close).clip(upper=close) - began).dt.days.clip(lower=0)
    recognised = (lines["mrr"] * days / 30.4375).sum()
    billed = bills.loc[bills["customer_id"].isin(lines["customer_id"]), "amount"].sum()
    assert billed == pytest.approx(recognised, rel=0.05)
    signup = world.tables["customers"].set_index("customer_id")["signup_date"]
    begun = rows[(rows["start_date"] == rows["customer_id"].map(signup)) & (rows["start_date"] > first)]
    begun = begun[begun["billing_months"] == 12].groupby(["customer_id", "start_date"])["mrr"].sum()
    ahead = bills.set_index(["customer_id", "issued_on"])["amount"].reindex(begun.index)
    np.testing.assert_allclose(ahead, 12 * begun, atol=0.05)
    failed_ends = plans[plans["end_kind"] == "involuntary"]
    failed = bills[bills["status"] == "failed"]
    assert set(failed["customer_id"]) <= set(failed_ends["customer_id"])
    assert len(failed) > 0.9 * len(failed_ends)
    assert (bills["paid_on"].isna() == bills["status"].isin(["failed", "open"])).all()
    assert 0.08 < (bills["paid_on"] > bills["due_on"]).mean() < 0.2


def test_renewals_are_those_of_the_contracts(world, plans):
    due = world.tables["renewals"]
    assert not due.duplicated(["customer_id", "due_date"]).any()
    lapsed = plans[plans["end_kind"].notna() & (plans["billing_months"] == 12)]
    lapsed = set(zip(lapsed["customer_id"], lapsed["end_date"], strict=True))
    recorded = due[due["outcome"] == "Lapsed"]
    assert set(zip(recorded["customer_id"], recorded["due_date"], strict=True)) == lapsed
    assert set(due["outcome"]) == {"Renewed", "Moved to monthly", "Lapsed"}


def test_marketing_and_sales_come_to_the_cost_of_those_won(world):
    costs, customers = world.tables["costs"], world.tables["customers"]
    won = customers[customers["signup_date"] > pd.Timestamp(world.truth["observed_from"])]
    spent = costs[costs["category"].isin(["marketing", "sales"])].groupby("attribute")["amount"].sum()
    expected = won.groupby("channel")["acquisition_cost"].sum()
    np.testing.assert_allclose(spent.reindex(expected.index), expected, rtol=1e-5)


def test_a_table_that_is_left_out_changes_no_other(world):
    few = simulate(accounts=2000, tables=["customers", "nps_responses"])
    assert list(few.tables) == ["customers", "nps_responses"]
    for name, table in few.tables.items():
        pd.testing.assert_frame_equal(table, world.tables[name])


def test_small_worlds_are_quick():
    """What a truth experiment draws by the thousand."""
    options = {"accounts": 300, "months": 24, "parameters": NULL, "tables": ["customers", "subscriptions"]}
    simulate(**options)
    began = time.process_time()
    simulate(**options, seed=1)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accounts": 19}, "got: 19 and 36"),
        ({"months": 0}, "got: 2000 and 0"),
        ({"end": date(2026, 6, 29)}, "got: 2026-06-29"),
        ({"tables": ["customers", "tickets"]}, "got: tickets"),
        ({"parameters": replace(NULL, features=Features(items=NULL.features.items * 3))}, "at most 32 features"),
    ],
)
def test_impossible_businesses_are_refused(options, message):
    with pytest.raises(SettingsError, match=message):
        simulate(**options)
