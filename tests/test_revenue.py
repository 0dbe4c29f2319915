"""Revenue: identities, hand-worked books, and the values known of the crm data from independent SQL."""

from __future__ import annotations

import re
import shutil
import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customer_value import intake, marts
from customer_value.errors import SettingsError
from customer_value.intake.contract import BY_NAME
from customer_value.marts import periods
from customer_value.marts.bases import period_base
from customer_value.marts.parts import column, parts_in
from customer_value.stats.jackknife import jackknife_of_sums
from customer_value.studies import revenue
from customer_value.studies.revenue import closed_group, concentration
from marts_fixtures import build_marts

YEAR = {"start": date(2023, 12, 31), "end": date(2024, 12, 31)}


def row(customer_id, start, end, mrr, **more):
    return {"customer_id": customer_id, "start_date": start, "end_date": end, "mrr": mrr, **more}


MONTHLY = {"billing_months": 1}
ROWS = [
    # stays and grows from 100 to 150
    row("grows", "2023-01-01", "2024-04-01", 100, **MONTHLY),
    row("grows", "2024-04-01", None, 150, **MONTHLY),
    # shrinks from 200 to 120
    row("shrinks", "2023-01-01", "2024-07-01", 200, **MONTHLY),
    row("shrinks", "2024-07-01", None, 120, **MONTHLY),
    # leaves in May, by choice, from 300
    row("leaves", "2023-01-01", "2024-05-10", 300, end_reason="Price", end_kind="voluntary", **MONTHLY),
    # lost to a failed payment in March, comes back in September at 80
    row("returns", "2023-01-01", "2024-03-05", 90, end_reason="Card", end_kind="involuntary", **MONTHLY),
    row("returns", "2024-09-01", None, 80, **MONTHLY),
    # new in June at 500
    row("new", "2024-06-15", None, 500, **MONTHLY),
    # under a two-year term from December 2023, not due in 2024
    row("bound", "2023-12-01", None, 60, billing_months=24),
    # opens the data a month earlier, so that 2023 is no opening stock of one month
    row("early", "2022-12-01", "2023-06-01", 10, **MONTHLY),
]
NAMES = [{"customer_id": key, "name": f"{key} <Ltd>"} for key in ("grows", "shrinks", "leaves", "returns", "new")]

TARGETS = (
    ("2024-12-01", "MRR", 900),
    ("2024-11-01", "mrr", 1000),
    ("2024-05-01", "churned MRR", 250),
    ("2024-03-01", "churned_mrr", 100),
    ("2024-12-01", "nrr", 0.5),
    ("2023-06-01", "nrr", 0.9),
    ("2024-12-01", "grr", 95),
    ("2024-12-01", "happiness", 7),
    ("2024-06-01", "new-mrr", 500),
    ("2024-12-01", "active_accounts", 6),
)

BOOK = {
    "subscriptions": ROWS,
    "customers": [*NAMES, {"customer_id": "bound"}, {"customer_id": "early"}],
    "as_of": "2024-12-31",
    "observed_from": "2022-12-01",
    "further": {
        "targets": [{"month": month, "metric": metric, "value": value} for month, metric, value in TARGETS],
    },
}
"""Six accounts whose year can be worked out by hand."""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return build_marts(tmp_path_factory.mktemp("book"), **BOOK)


@pytest.fixture(scope="module")
def against(book):
    return revenue.against_targets(book)


@pytest.fixture(scope="module")
def crm(shared, root, tmp_path_factory):
    """The crm data through the public path: mapping, intake, marts."""
    mapping = root / "data" / "mappings" / "crm.yml"
    folder = tmp_path_factory.mktemp("crm")
    intake.load(shared / "crm", mapping=mapping, out=folder / "tables", as_of=date(2024, 1, 1), grace_days=31)
    return marts.build(folder / "tables", folder / "marts", grace_days=31)


def reconciled(result) -> bool:
    wide = result.table.pivot(index="month", columns="movement", values="estimate")
    moved = wide["opening"] + wide[list(revenue.MOVEMENTS)].sum(axis=1)
    return bool((abs(moved - wide["closing"]) < 0.005).all())


class TestMovements:
    def test_the_year_by_hand(self, book) -> None:
        found = revenue.waterfall(book, **YEAR).table.set_index("movement")["estimate"].to_dict()
        assert found == {
            "opening": 750.0,
            "new": 500.0,
            "expansion": 50.0,
            "reactivation": 80.0,
            "contraction": -80.0,
            "churn": -390.0,
            "closing": 910.0,
        }

    def test_every_month_reconciles(self, book) -> None:
        assert reconciled(revenue.movements(book))

    def test_months_chain(self, book) -> None:
        wide = revenue.movements(book).table.pivot(index="month", columns="movement", values="estimate")
        assert np.allclose(wide["opening"].to_numpy()[1:], wide["closing"].to_numpy()[:-1], atol=0.005)

    def test_a_period_that_cuts_months_compares_its_closes(self, book) -> None:
        found = revenue.waterfall(book, start=date(2024, 1, 10), end=date(2024, 12, 10))
        amounts = found.table.set_index("movement")["estimate"].to_dict()
        assert (amounts["closing"], amounts["churn"], amounts["reactivation"]) == (910, -390, 80)
        assert sum(amounts[step] for step in ("opening", *revenue.MOVEMENTS)) == amounts["closing"]
        assert "month end" in found.notes[0]

    def test_parts_add_up_to_their_movement(self, book) -> None:
        moved = revenue.waterfall(book, **YEAR).table.set_index("movement")["estimate"]
        sums = revenue.parts(book, **YEAR).table.groupby("movement")["estimate"].sum()
        assert sums.to_dict() == pytest.approx({"expansion": moved["expansion"], "contraction": moved["contraction"]})

    def test_without_list_prices_there_is_no_discount_part(self, book) -> None:
        found = revenue.parts(book, **YEAR)
        assert set(found.table["part"]) == set(parts_in(book.table("calendar_months"))) == set(revenue.PARTS[:-1])
        assert "part of the price" in found.notes[-1]

    def test_parts_of_the_months_add_up_to_the_periods(self, book) -> None:
        monthly = revenue.parts_by_month(book).table
        year = monthly[pd.to_datetime(monthly["month"]).dt.year == 2024].groupby(["movement", "part"])["estimate"].sum()
        period = revenue.parts(book, **YEAR).table.set_index(["movement", "part"])["estimate"]
        assert year.to_dict() == pytest.approx(period.to_dict())

    def test_movers_add_up_to_the_waterfall_and_carry_names(self, book) -> None:
        movers = revenue.top_movers(book, **YEAR)
        moved = revenue.waterfall(book, **YEAR).table.set_index("movement")["estimate"]
        for movement, total in movers.table.groupby("movement")["estimate"].sum().items():
            assert total == moved[movement]
        assert movers.row(movement="churn", customer_id="leaves")["name"] == "leaves <Ltd>"
        assert movers.table.loc[movers.table["movement"] == "churn", "customer_id"].tolist() == ["leaves", "returns"]
        assert len(revenue.top_movers(book, **YEAR, top=1).table) == 5

    def test_quick_ratio_by_hand(self, book) -> None:
        found = revenue.quick_ratio(book, **YEAR)
        assert found.row(measure="quick_ratio")["estimate"] == pytest.approx(630 / 470)

    def test_quick_ratio_is_undefined_without_losses(self, book) -> None:
        found = revenue.quick_ratio(book, start=date(2024, 9, 30), end=date(2024, 12, 31))
        assert np.isnan(found.row(measure="quick_ratio")["estimate"])
        assert "undefined" in found.notes[-1]

    def test_trend_ends_at_the_last_close(self, book) -> None:
        found = revenue.arr_trend(book)
        assert found.where(metric="arr").table["estimate"].iloc[-1] == 12 * 910
        assert found.where(metric="accounts").table["estimate"].iloc[-1] == 5


class TestRetention:
    def test_the_year_by_hand(self, book) -> None:
        found = revenue.retention(book, **YEAR, min_group=1)
        assert found.row(metric="logo")["estimate"] == pytest.approx(3 / 5)
        # 100 → 150, 200 → 120, 300 and 90 → 0, 60 → 60; the returner ends at 0 and its 80 are a line of their own
        assert found.row(metric="net")["estimate"] == pytest.approx(330 / 750)
        assert found.row(metric="gross")["estimate"] == pytest.approx(280 / 750)
        assert found.row(metric="returned")["estimate"] == pytest.approx(80 / 750)
        # 80 lost in decreases and 390 in leaving, over 750
        assert found.row(metric="gross_movements")["estimate"] == pytest.approx(1 - 470 / 750)

    def test_only_accounts_whose_term_came_due_are_due(self, book) -> None:
        due = revenue.retention(book, **YEAR, min_group=1).row(metric="net_due")
        assert due["n"] == 4
        assert due["estimate"] == pytest.approx(270 / 690)

    def test_nothing_is_said_of_terms_that_the_data_do_not_state(self, book, monkeypatch) -> None:
        unstated = period_base(book, **YEAR).assign(term=np.nan, due=False)
        monkeypatch.setattr(closed_group, "period_base", lambda *_, **__: unstated)
        found = revenue.retention(book, **YEAR, min_group=1)
        assert not found.table["metric"].str.endswith("_due").any()
        assert found.notes[0].startswith("The data state no contract terms")
        assert found.row(metric="returned")["opening_mrr"] == pytest.approx(750)

    def test_the_whole_company_shows_however_small(self, book) -> None:
        found = revenue.retention(book, **YEAR, min_group=30)
        assert np.isfinite(found.row(metric="net")["estimate"])
        assert np.isnan(found.row(metric="net_due")["estimate"])
        assert found.row(metric="net_due")["n"] == 4
        assert found.row(metric="net")["few_accounts"]

    def test_a_month_from_movements_is_the_month_from_states(self, book) -> None:
        monthly = revenue.monthly_trend(book, months=12)
        moved = revenue.movements(book).table.pivot(index="month", columns="movement", values="estimate")
        for month, net in monthly.where(metric="net").table.set_index("month")["estimate"].items():
            row = moved.loc[month]
            assert net == pytest.approx(1 + (row["expansion"] + row["contraction"] + row["churn"]) / row["opening"])

    def test_net_is_gross_plus_expansion(self, book) -> None:
        found = revenue.decomposition(book, **YEAR)
        parts = found.table.set_index("part")["estimate"]
        assert parts["net"] == pytest.approx(parts["gross"] + parts["expansion"])

    def test_cuts_scale_with_the_period(self, book) -> None:
        half = revenue.decomposition(book, start=date(2024, 6, 30), end=date(2024, 12, 31), high_gross=0.81)
        assert half.row(part="gross")["cut"] == pytest.approx(0.9, abs=0.002)

    def test_winds_of_the_company(self, book) -> None:
        found = revenue.headwind_tailwind(book, **YEAR, by=["term"], grouped=revenue.Grouped(min_group=1))
        company = found.where(level="all").table.set_index("measure")["estimate"]
        assert company.to_dict() == pytest.approx({"headwind": 470 / 750, "tailwind": 50 / 750})
        assert found.row(attribute="term", level="two-year", measure="headwind")["estimate"] == 0


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """A hundred accounts on each of three plans: one leaks and stands, one grows and leaks, one keeps and grows."""
    rows = []
    for plan, leavers, growers in (("leaky", 30, 5), ("lively", 25, 50), ("steady", 5, 45)):
        for number in range(100):
            one = {"customer_id": f"{plan}{number:03}", "product": plan, "billing_months": 1, "mrr": 100}
            gone = {"end_date": "2024-05-01"} if number < leavers else {}
            grows = number >= 100 - growers
            rows.append(one | {"start_date": "2023-01-01"} | ({"end_date": "2024-07-01"} if grows else gone))
            if grows:
                rows.append(one | {"start_date": "2024-07-01", "mrr": 140})
    rows.append({"customer_id": "early", "start_date": "2022-12-01", "end_date": "2023-02-01"})
    attributes = {"segment": {"known_at": "current"}}
    return build_marts(
        tmp_path_factory.mktemp("plans"),
        subscriptions=rows,
        customers=[{"customer_id": row["customer_id"], "segment": "x"} for row in rows[:1]],
        attributes=attributes,
        as_of="2024-12-31",
        observed_from="2022-12-01",
    )


class TestWinds:
    def test_every_group_lies_in_its_field_of_the_grid(self, plans) -> None:
        found = revenue.headwind_tailwind(plans, **YEAR, by=["plan"])
        company = found.where(level="all").table.set_index("measure")
        assert company["estimate"].to_dict() == pytest.approx({"headwind": 60 / 300, "tailwind": 0.4 * 100 / 300})
        assert company["quarter"].isna().all()
        placed = found.table.drop_duplicates("level").set_index("level")["quarter"]
        assert placed.drop("all").to_dict() == {
            "leaky": "leaks_and_stands",
            "lively": "leaks_and_grows",
            "steady": "keeps_and_grows",
        }

    def test_given_cuts_place_the_company_too(self, plans) -> None:
        found = revenue.headwind_tailwind(plans, **YEAR, headwind_cut=0.1, tailwind_cut=0.5)
        assert set(found.table["quarter"]) == {"leaks_and_stands"}
        assert found.row(attribute="all", level="all", measure="headwind")["verdict"] == "high"

    def test_every_attribute_known_then_is_there_unless_one_is_chosen(self, plans) -> None:
        found = revenue.headwind_tailwind(plans, **YEAR, by=None)
        assert set(found.table["attribute"]) == {"all", "plan", "term", "mrr_band", "first_plan", "first_term"}
        with pytest.raises(SettingsError, match="known only as of now"):
            revenue.headwind_tailwind(plans, **YEAR, by=["segment"])

    def test_contrasts_are_against_all_others(self, plans) -> None:
        found = revenue.wind_contrasts(plans, **YEAR, by="plan")
        row = found.row(attribute="plan", level="leaky", measure="headwind")
        assert (row["group_share"], row["rest_share"], row["n_rest"]) == pytest.approx((0.3, 0.15, 200))
        # the score test of 30 of 100 against 30 of 200, for accounts that pay alike
        pooled = 60 / 300
        z = 0.15 / np.sqrt(pooled * (1 - pooled) * (1 / 100 + 1 / 200))
        assert row["p"] == pytest.approx(2 * scipy.stats.norm.sf(z))
        tailwind = found.row(attribute="plan", level="leaky", measure="tailwind")
        assert (tailwind["group_share"], tailwind["rest_share"]) == pytest.approx((0.4 * 0.05, 0.4 * 0.475))
        assert tailwind["high"] < 0
        assert len(found.table) == 6
        assert (found.table["p_adjusted"] >= found.table["p"]).all()

    def test_where_nobody_grew_there_is_no_certainty(self, plans) -> None:
        found = revenue.wind_contrasts(plans, start=date(2024, 8, 31), end=date(2024, 12, 31), by="plan")
        row = found.row(attribute="plan", level="leaky", measure="tailwind")
        assert row["estimate"] == 0
        assert row["low"] < 0 < row["high"]
        assert row["p"] == 1


class TestTargets:
    def test_by_hand(self, against) -> None:
        rows = against.table.set_index(["metric", against.table["month"].dt.strftime("%Y-%m")])
        columns = ["estimate", "target", "gap", "met"]
        assert rows.loc[("mrr", "2024-12"), columns].tolist() == [910, 900, 10, True]
        assert rows.loc[("mrr", "2024-11"), columns].tolist() == [910, 1000, -90, False]
        # of losses, less is better
        assert rows.loc[("churned_mrr", "2024-05"), columns].tolist() == [300, 250, 50, False]
        assert rows.loc[("churned_mrr", "2024-03"), columns].tolist() == [90, 100, -10, True]
        assert rows.loc[("new_mrr", "2024-06"), columns].tolist() == [500, 500, 0, True]
        assert rows.loc[("active_accounts", "2024-12"), columns].tolist() == [5, 6, -1, False]

    def test_retention_is_of_the_twelve_months_and_missing_before_there_are_so_many(self, against) -> None:
        table = against.where(metric="nrr").table
        assert table["estimate"].tolist()[-1] == pytest.approx(330 / 750)
        assert np.isnan(table["estimate"].iloc[0])
        assert table["met"].tolist() == [None, False]
        assert table["low"].iloc[-1] < 330 / 750 < table["high"].iloc[-1]

    def test_what_is_not_compared_is_named(self, against) -> None:
        assert "“happiness”" in against.notes[0]
        assert "Write 0.95 for 95 %" in against.notes[1]
        assert not {"happiness", "grr"} & set(against.table["metric"])

    def test_the_dictionary_names_every_metric(self) -> None:
        said = BY_NAME["targets"].column("metric").meaning
        assert all(re.search(rf"\b{metric}\b", said) for metric in revenue.COMPARED)

    def test_without_targets_there_is_nothing_to_compare(self, plans) -> None:
        with pytest.raises(SettingsError, match="no targets"):
            revenue.against_targets(plans)


class TestLeaving:
    def test_side_by_side_by_hand(self, book) -> None:
        found = revenue.churn_side_by_side(book, **YEAR)
        share = {key: found.row(measure=key[0], end_kind=key[1])["estimate"] for key in [
            ("logo_churn", "all"), ("revenue_churn", "all"), ("logo_churn", "involuntary"),
            ("revenue_churn", "voluntary"), ("logo_churn_or_downgrade", "all"), ("revenue_churn_and_downgrade", "all"),
        ]}  # fmt: skip
        assert list(share.values()) == pytest.approx([2 / 5, 390 / 750, 1 / 5, 300 / 750, 3 / 5, 470 / 750])

    def test_size_of_leavers_by_hand(self, book) -> None:
        found = revenue.leaver_size(book, **YEAR, min_group=2)
        assert found.row(measure="size_ratio")["estimate"] == pytest.approx((390 / 2) / (750 / 5))
        assert found.row(measure="revenue_minus_logo")["estimate"] == pytest.approx(390 / 750 - 2 / 5)
        assert np.isnan(revenue.leaver_size(book, **YEAR, min_group=3).row(measure="size_ratio")["estimate"])

    def test_size_interval_is_the_brute_force_jackknife(self, book) -> None:
        base = period_base(book, **YEAR)
        size, lost = base["start_mrr"].to_numpy(), base["lost"].to_numpy(float)

        def gap(keep):
            return (size * lost)[keep].sum() / size[keep].sum() - lost[keep].mean()

        n = len(base)
        without = np.array([gap(np.arange(n) != leave) for leave in range(n)])
        error = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
        found = revenue.leaver_size(book, **YEAR).row(measure="revenue_minus_logo")
        # 2.776 is the 97.5 % quantile of t on 4 degrees of freedom, from any table
        assert found["high"] - found["estimate"] == pytest.approx(2.7764 * error, rel=1e-4)

    def test_reasons_add_up_to_churn(self, book) -> None:
        found = revenue.churn_reasons(book, **YEAR)
        assert found.row(end_kind="voluntary", reason="Price")["estimate"] == 300
        assert found.row(end_kind="involuntary", reason="Card")["estimate"] == 90
        assert found.table["share"].sum() == pytest.approx(1)

    def test_influence_by_hand(self, book) -> None:
        found = revenue.influence(book, **YEAR)
        sizes = np.array([100, 200, 300, 90, 60])
        assert found.row(measure="effective_n")["estimate"] == pytest.approx(sizes.sum() ** 2 / (sizes**2).sum())
        assert found.row(measure="largest_share")["estimate"] == pytest.approx(300 / 750)
        assert found.row(measure="net_without_largest")["estimate"] == pytest.approx(330 / 450)
        # without “leaves”, who paid most and left, the others would keep 330 of 450; no other moves it further
        assert found.row(measure="net_without_most_influential")["estimate"] == pytest.approx(330 / 450)
        # Gini as half the mean absolute difference over the mean
        differences = np.abs(sizes[:, None] - sizes[None, :]).mean() / (2 * sizes.mean())
        assert found.row(measure="gini")["estimate"] == pytest.approx(differences)

    def test_the_largest_need_not_be_the_one_that_decides(self, book, monkeypatch) -> None:
        names = [*(f"a{number}" for number in range(8)), "giant", "doubles"]
        base = pd.DataFrame({"customer_id": names, "name": None, "lost": False})
        base = base.assign(start_mrr=[100.0] * 8 + [300.0, 200.0], end_mrr=[100.0] * 8 + [300.0, 800.0])
        monkeypatch.setattr(concentration, "period_base", lambda *_, **__: base)
        found = revenue.influence(book, **YEAR)
        sums = {"giant": (1600, 1000), "doubles": (1100, 1100)}
        assert found.row(measure="net_without_largest")["estimate"] == pytest.approx(np.divide(*sums["giant"]))
        assert found.row(measure="net_without_most_influential")["estimate"] == pytest.approx(1)
        largest = revenue.largest_accounts(book, **YEAR)
        assert largest.table["customer_id"].tolist()[:2] == ["giant", "doubles"]
        assert largest.table["cumulative"].iloc[-1] == pytest.approx(1)
        for account, (after, before) in sums.items():
            assert largest.row(customer_id=account)["net_without"] == pytest.approx(after / before)
        assert found.table["few_accounts"].all()


def test_the_jackknife_of_a_ratio_is_the_ratio_jackknife() -> None:
    from customer_value.stats.intervals import ratio_jackknife

    generator = np.random.default_rng(5)
    a, b = generator.lognormal(size=80), generator.lognormal(size=80)
    mine = jackknife_of_sums(np.column_stack([a, b]), lambda sums: sums[:, 0] / sums[:, 1])
    theirs = ratio_jackknife(a, b)
    assert (mine.estimate, mine.low, mine.high) == pytest.approx((theirs.estimate, theirs.low, theirs.high))


DAYS = st.integers(0, 500)
LINES = st.lists(
    st.tuples(
        st.integers(0, 6),
        DAYS,
        st.integers(1, 300),
        st.integers(1, 99_999),
        st.integers(1, 9),
        st.none() | st.integers(0, 60),
        st.sampled_from(["basic", "pro"]),
    ),
    min_size=1,
    max_size=14,
)


class TestProperties:
    @settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
    @given(lines=LINES, factor=st.sampled_from([1, 3]))
    def test_any_book_reconciles_to_the_penny_and_scales(self, lines, factor) -> None:
        first = pd.Timestamp("2023-01-01")
        rows = [
            {
                "customer_id": f"c{account}",
                "start_date": str((first + pd.Timedelta(days=start)).date()),
                "end_date": str((first + pd.Timedelta(days=start + length)).date()),
                "mrr": Decimal(pence * factor) / 100,
                "quantity": float(seats),
                "list_mrr": None if discount is None else Decimal(pence * factor) / (100 - discount),
                "product": product,
            }
            for account, start, length, pence, seats, discount, product in lines
        ]
        # somebody is there throughout
        rows.append({"customer_id": "z", "start_date": "2022-12-01", "mrr": Decimal(10 * factor)})
        folder = Path(tempfile.mkdtemp())
        try:
            built = build_marts(folder, subscriptions=rows, as_of="2024-06-30", observed_from="2022-12-01")
            moved = revenue.movements(built)
            assert reconciled(moved)
            span = {"start": date(2023, 6, 30), "end": date(2024, 5, 31)}
            total = revenue.waterfall(built, **span).table.set_index("movement")["estimate"]
            assert total[["opening", *revenue.MOVEMENTS]].sum() == pytest.approx(total["closing"], abs=0.005)
            parts = revenue.parts(built, **span).table.groupby("movement")["estimate"].sum()
            for movement in ("expansion", "contraction"):
                assert parts[movement] == pytest.approx(total[movement], abs=1e-6)
            frame = built.table("calendar_months").filter(lambda row: row.movement.isin(["expansion", "contraction"]))
            exact = frame.mutate(made_of=sum(frame[column(part)] for part in parts_in(frame))).execute()
            assert (exact["made_of"] == exact["change"]).all()
            # two closes that are no month ends
            odd = {"start": date(2023, 6, 17), "end": date(2024, 5, 9)}
            total = revenue.waterfall(built, **odd).table.set_index("movement")["estimate"]
            parts = revenue.parts(built, **odd).table.groupby("movement")["estimate"].sum()
            assert parts["contraction"] == pytest.approx(total["contraction"], abs=1e-6)
            net = revenue.retention(built, **span, min_group=1)
            assert net.row(metric="gross")["estimate"] <= min(1, net.row(metric="net")["estimate"]) + 1e-12
        finally:
            shutil.rmtree(folder)


class TestPeriod:
    def test_default_is_the_last_twelve_months(self, book) -> None:
        assert periods.choose(book.meta) == periods.Period(date(2023, 12, 31), date(2024, 12, 31))

    @pytest.mark.parametrize(
        ("given", "rule"),
        [
            ({"period_from": "31/01/2024"}, "year-month-day"),
            ({"period_from": "2024-05-01", "period_to": "2024-05-01"}, "must lie before"),
            ({"period_to": "2025-01-01"}, "as-of date"),
            ({"period_from": "2020-01-01", "period_to": "2020-02-01"}, "after the data begin"),
        ],
    )
    def test_impossible_periods_are_refused(self, book, given, rule) -> None:
        with pytest.raises(SettingsError, match=rule):
            periods.choose(book.meta, **given)

    def test_a_start_before_the_data_is_refused(self, book) -> None:
        with pytest.raises(SettingsError, match="before the data are complete"):
            revenue.retention(book, start=date(2022, 11, 1), end=date(2024, 1, 1))


class TestKnownFromIndependentSql:
    """Values in shared/data/README.md, found there by SQL over the same tables."""

    def test_january_2023_as_a_calendar_month(self, crm) -> None:
        monthly = revenue.monthly_trend(crm, months=24)
        month = pd.Timestamp("2023-01-01")
        table = monthly.table[pd.to_datetime(monthly.table["month"]) == month].set_index("metric")
        assert round(table.at["net", "estimate"], 7) == 0.9937630
        assert round(table.at["gross", "estimate"], 7) == 0.9856597
        assert (table.at["logo", "events"], table.at["logo", "n"]) == (11, 664)

    def test_states_at_two_closes(self, crm) -> None:
        span = periods.choose(crm.meta, period_from="2023-01-01", period_to="2023-02-01")
        found = revenue.retention(crm, start=span.start, end=span.end)
        assert round(found.row(metric="net")["estimate"], 7) == 0.9944602
        assert (found.row(metric="logo")["events"], found.row(metric="logo")["n"]) == (11, 666)
        moved = revenue.waterfall(crm, start=span.start, end=span.end).table.set_index("movement")["estimate"]
        assert moved[["opening", "churn", "contraction"]].tolist() == [728_906, -9_416, -1_018]

    def test_calendar_2023(self, crm) -> None:
        found = revenue.retention(crm, start=date(2022, 12, 31), end=date(2023, 12, 31))
        assert round(found.row(metric="net")["estimate"], 7) == 0.8392079
        assert round(found.row(metric="gross")["estimate"], 7) == 0.7859491
        assert (found.row(metric="logo")["events"], found.row(metric="logo")["n"]) == (136, 664)

    def test_every_month_reconciles(self, crm) -> None:
        assert reconciled(revenue.movements(crm))
