"""Renewals: decisions worked out by hand, the same found by plain Python, and the company's list against them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from customer_value import simulate
from customer_value.errors import SettingsError
from customer_value.marts import Marts
from customer_value.marts.renewals import falling_due, period, unmatched
from customer_value.strategy.answers import renewals as answers
from customer_value.strategy.established import renewals as established
from customer_value.strategy.wording import Words
from customer_value.studies import renewals
from customer_value.studies.renewals import Scope
from marts_fixtures import build_marts

WORDS = Words(currency="GBP")
AS_OF = date(2024, 6, 30)
SPAN = {"start": date(2023, 1, 1), "end": date(2024, 5, 30)}


def row(customer_id, start, end, mrr, months=12, **more):
    return {
        "customer_id": customer_id,
        "start_date": start,
        "end_date": end,
        "mrr": mrr,
        "billing_months": months,
        **more,
    }


ROWS = [
    row("dearer", "2023-01-15", "2024-01-15", 100),
    row("dearer", "2024-01-15", None, 120),
    # one open row that just runs on
    row("runs on", "2022-03-31", None, 100),
    # quarters from a month's end: due on 29 February and 30 May, gone at the second
    row("quarters", "2023-11-30", "2024-05-30", 90, 3),
    # a price change within the term is no renewal, and what counts is the price before the due date
    row("mid-term", "2023-02-10", "2023-08-10", 100),
    row("mid-term", "2023-08-10", "2024-02-10", 150),
    row("mid-term", "2024-02-10", None, 150),
    # back within grace, cheaper
    row("pause", "2023-02-01", "2024-02-01", 100),
    row("pause", "2024-02-20", None, 80),
    # back beyond grace
    row("returns", "2023-02-01", "2024-02-01", 100),
    row("returns", "2024-04-01", None, 100),
    row("to months", "2023-01-20", "2024-01-20", 100),
    row("to months", "2024-01-20", "2024-02-20", 110, 1),
    # moved to months, the first bill bounced
    row("bounced", "2023-01-20", "2024-01-20", 100),
    row("bounced", "2024-01-20", "2024-02-01", 110, 1),
    # renewed by itself, never paid, cut off three weeks later
    row("dunning", "2023-03-05", "2024-03-26", 100),
    row("early", "2023-03-05", "2024-02-24", 100),
    # broke the contract half-way: no renewal fell due
    row("broke", "2023-03-05", "2023-09-05", 100),
    # last days given as the first day not covered
    row("off by one", "2023-03-05", "2024-03-04", 100),
    row("off by one", "2024-03-05", None, 100),
    # signed some days late, the old row running on meanwhile
    row("late", "2023-03-05", "2024-03-09", 100),
    row("late", "2024-03-09", None, 130),
    row("fewer", "2023-04-01", "2024-04-01", 100, quantity=10, unit="seats"),
    row("fewer", "2024-04-01", None, 80, quantity=8, unit="seats"),
    # fewer seats and a higher price of each: it bought less
    row("fewer, dearer", "2023-04-01", "2024-04-01", 100, quantity=10, unit="seats"),
    row("fewer, dearer", "2024-04-01", None, 90, quantity=6, unit="seats"),
    row("add-on", "2023-04-01", None, 100),
    row("add-on", "2023-06-01", "2024-04-01", 30, kind="addon", product="extra"),
    row("longer", "2023-06-15", "2023-12-15", 100, 6),
    row("longer", "2023-12-15", None, 90),
    # both end on the as-of day, as some twenty accounts of a real input do, and one of them goes on that day
    row("same day", "2023-06-30", "2024-06-30", 100),
    row("same day", "2024-06-30", None, 100),
    row("no word", "2023-06-30", "2024-06-30", 100),
    row("monthly", "2024-03-10", "2024-05-10", 10, 1),
    # the larger plan goes by the month, so the account does
    row("two plans", "2023-03-01", None, 500, 1),
    row("two plans", "2023-03-01", None, 50, 12, product="side"),
    row("silent", "2022-05-01", None, 100, None),
]
EXPECTED = {
    ("dearer", "2024-01-15"): ("renewed_larger", 100, 120),
    ("runs on", "2023-03-31"): ("renewed_alike", 100, 100),
    ("runs on", "2024-03-31"): ("renewed_alike", 100, 100),
    ("quarters", "2024-02-29"): ("renewed_alike", 90, 90),
    ("quarters", "2024-05-30"): ("lapsed", 90, 0),
    ("mid-term", "2024-02-10"): ("renewed_alike", 150, 150),
    ("pause", "2024-02-01"): ("renewed_discounted", 100, 80),
    ("returns", "2024-02-01"): ("lapsed", 100, 0),
    ("to months", "2024-01-20"): ("moved_shorter", 100, 110),
    ("bounced", "2024-01-20"): ("lapsed", 100, 0),
    ("dunning", "2024-03-05"): ("lapsed", 100, 0),
    ("early", "2024-03-05"): ("lapsed", 100, 0),
    ("off by one", "2024-03-05"): ("renewed_alike", 100, 100),
    ("late", "2024-03-05"): ("renewed_larger", 100, 130),
    ("fewer", "2024-04-01"): ("renewed_smaller", 100, 80),
    ("fewer, dearer", "2024-04-01"): ("renewed_smaller", 100, 90),
    ("add-on", "2024-04-01"): ("renewed_smaller", 130, 100),
    ("longer", "2023-12-15"): ("moved_longer", 100, 90),
    ("same day", "2024-06-30"): ("pending", 100, None),
    ("no word", "2024-06-30"): ("pending", 100, None),
}
BOOK = {"subscriptions": ROWS, "as_of": AS_OF, "observed_from": "2021-12-31", "currency": "GBP"}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return build_marts(tmp_path_factory.mktemp("book"), **BOOK)


def decisions(found):
    return {
        (each.customer_id, str(each.due_date.date())): (
            each.outcome, each.mrr_before, None if pd.isna(each.mrr_after) else each.mrr_after,
        )
        for each in found.itertuples()
    }  # fmt: skip


class TestFallingDue:
    def test_by_hand(self, book):
        assert decisions(falling_due(book)) == EXPECTED

    def test_months_count_only_when_asked_for(self, book):
        found = decisions(falling_due(book, least_term=1))
        assert {key: value for key, value in found.items() if key in EXPECTED} == EXPECTED
        assert found["monthly", "2024-04-10"] == ("renewed_alike", 10, 10)
        assert found["monthly", "2024-05-10"] == ("lapsed", 10, 0)
        # Who moved to months decides every month from then on, and left at the first.
        assert found["to months", "2024-02-20"] == ("lapsed", 110, 0)
        assert ("two plans", "2024-03-01") in found

    def test_each_end_of_a_monthly_stay_is_one_lapse(self, book):
        found = falling_due(book, least_term=1)
        lapses = found[found["outcome"] == "lapsed"].groupby("customer_id").size()
        assert lapses.max() == 1

    def test_a_later_future_changes_nothing(self, book, tmp_path):
        """Cut at one day, whatever is appended after it changes no row; a decided outcome stays when more is known."""
        future = [
            row("dearer", "2024-07-01", "2024-08-01", 999, 1),
            row("no word", "2024-07-02", None, 100),
            row("newcomer", "2024-07-01", None, 100),
        ]
        again = build_marts(tmp_path / "cut", **(BOOK | {"subscriptions": [*ROWS, *future]}))
        pd.testing.assert_frame_equal(falling_due(again), falling_due(book))
        later = build_marts(tmp_path / "later", **(BOOK | {"as_of": "2024-08-31", "subscriptions": [*ROWS, *future]}))
        known = decisions(falling_due(later))
        decided = {key: value for key, value in EXPECTED.items() if value[0] != "pending"}
        assert {key: known[key] for key in decided} == decided
        # Ends on the as-of day were no losses: one goes on the same day, a return two days later is a renewal as well.
        assert known["same day", "2024-06-30"] == ("renewed_alike", 100, 100)
        assert known["no word", "2024-06-30"][0] == "renewed_alike"

    def test_what_lies_before_the_data_are_complete_is_left_out(self, book):
        later = Marts(book.folder, replace(book.meta, complete_from=date(2024, 1, 15)))
        kept = {key: value for key, value in EXPECTED.items() if key[1] > "2024-01-15"}
        assert decisions(falling_due(later)) == kept

    def test_no_terms_no_renewals(self, tmp_path):
        rows = [row("a", "2022-01-01", "2023-01-01", 10, None), row("b", "2022-02-01", None, 10, None)]
        marts = build_marts(tmp_path, subscriptions=rows, as_of=AS_OF)
        scope = Scope(**SPAN)
        batting = renewals.batting_average(marts, scope)
        assert batting.row(attribute="all", level="all", metric="renewed")["n"] == 0
        assert renewals.outcomes(marts, scope, by="quarter").table["estimate"].isna().all()
        assert renewals.differences(marts, scope).table.empty
        assert renewals.deferred_revenue(marts).table.empty
        assert renewals.future_recognition(marts).table.empty
        assert renewals.upcoming(marts).table.empty
        assert "ran out" in answers.headline(batting, least_term=2, words=WORDS)
        assert (
            established.renewal_facts(batting, renewals.outcomes(marts, scope), renewals.by_quarter(marts, scope)) == []
        )
        mix = renewals.contract_mix(marts)
        assert answers.main_terms(mix, measure="mrr").table.empty
        said = answers.detail(batting, renewals.outcomes(marts, scope), mix, **SPAN, words=WORDS)
        assert said.startswith("The data do not state how long contracts run")
        shift = renewals.mix_shift(marts, **SPAN)
        assert "do not state" in answers.mix(shift, **SPAN, words=WORDS)

    def test_the_default_period_is_decided(self, book):
        chosen = period(book.meta)
        assert chosen.end == AS_OF - timedelta(days=31)
        assert chosen.start == date(2023, 5, 30)
        assert period(book.meta, period_from="2023-06-30", period_to="2024-06-30").end == AS_OF


LIST = (
    ("dearer", "2024-01-15", "Renewed for 12 months"),
    ("pause", "2024-02-01", "RENEWED at a discount"),
    ("returns", "2024-02-01", "Churned"),
    ("to months", "2024-01-20", "Moved to monthly"),
    ("broke", "2024-03-05", "lost"),
    ("quarters", "2024-05-30", "Renewed"),
    ("runs on", "2024-03-31", "Won't renew"),
    ("longer", "2023-12-15", "???"),
    ("no word", "2024-06-30", "Lapsed"),
    ("dunning", "2024-03-05", "in progress"),
    ("nobody", "2024-03-05", "Renewed"),
)


@pytest.fixture(scope="module")
def listed(book, tmp_path_factory):
    """The same marts with the company's own list beside them."""
    folder = tmp_path_factory.mktemp("listed") / "marts"
    shutil.copytree(book.folder, folder)
    rows = pd.DataFrame(LIST, columns=["customer_id", "due_date", "outcome"])
    rows.assign(due_date=pd.to_datetime(rows["due_date"]).dt.date).to_parquet(folder / "renewals.parquet")
    return Marts(folder, replace(book.meta, rows={**book.meta.rows, "renewals": len(rows)}))


class TestGivenList:
    def test_words_are_understood_and_money_is_read_from_revenue(self, listed):
        assert decisions(falling_due(listed)) == {
            ("dearer", "2024-01-15"): ("renewed_larger", 100, 120),
            ("pause", "2024-02-01"): ("renewed_discounted", 100, 80),
            ("returns", "2024-02-01"): ("lapsed", 100, 0),
            ("to months", "2024-01-20"): ("moved_shorter", 100, 110),
            # the list says renewed, the revenue says gone: counted as listed, and said to be odd
            ("quarters", "2024-05-30"): ("renewed_other", 90, None),
            ("runs on", "2024-03-31"): ("lapsed", 100, 0),
            # a word that means nothing to us: by the revenue
            ("longer", "2023-12-15"): ("moved_longer", 100, 90),
            # what the list says within grace may have been written later
            ("no word", "2024-06-30"): ("pending", 100, None),
            ("dunning", "2024-03-05"): ("pending", 100, None),
        }

    def test_what_is_renewed_with_growth_is_never_less_than_without(self, listed):
        found = renewals.batting_average(listed, Scope(**SPAN)).table.set_index(["attribute", "level", "metric"])
        kept, after = (found.loc[("all", "all", name), "estimate"] for name in ("revenue_renewed", "revenue_after"))
        # "quarters" is renewed on terms that the revenue does not show, and counts with the 90 that it paid.
        rows = falling_due(listed)
        rows = rows[(rows["outcome"] != "pending") & rows["due_date"].between("2023-01-02", "2024-05-30")]
        paid = rows["mrr_after"].fillna(rows["mrr_before"])
        assert after == pytest.approx(paid.sum() / rows["mrr_before"].sum())
        assert kept == pytest.approx(paid.clip(upper=rows["mrr_before"]).sum() / rows["mrr_before"].sum())
        assert after >= kept

    def test_what_does_not_fit_is_said(self, listed):
        found = falling_due(listed)
        assert set(found.loc[found["contradicted"], "customer_id"]) == {"quarters", "runs on"}
        # "broke" had left half a year before; "nobody" was never there
        assert unmatched(listed) == 2
        said = " ".join(renewals.batting_average(listed, Scope(**SPAN)).notes)
        assert "left out: 2" in said
        assert "contradicts: 2" in said


@pytest.fixture(scope="module")
def business():
    """Tables of a simulated company of 160 accounts."""
    clean = replace(simulate.DEFAULT, blemishes=simulate.Blemishes(orphans=0, outside=0))
    return simulate.simulate(
        accounts=160, seed=5, parameters=clean, tables=("customers", "subscriptions", "renewals", "invoices")
    )


def rows_of(table):
    """Rows as dicts, days as dates, without what is missing."""
    return [
        {
            name: value.date() if isinstance(value, pd.Timestamp) else value
            for name, value in each.items()
            if pd.notna(value)
        }
        for each in table.to_dict("records")
    ]


@pytest.fixture(scope="module")
def simulated(business, tmp_path_factory):
    columns = ["customer_id", "product", "kind", "start_date", "end_date", "mrr", "quantity", "unit", "billing_months"]
    return build_marts(
        tmp_path_factory.mktemp("simulated"),
        subscriptions=rows_of(business.tables["subscriptions"][columns]),
        customers=rows_of(business.tables["customers"][["customer_id", "signup_date", "channel"]]),
        attributes={"channel": {}},
        as_of=business.truth["end"],
        observed_from=business.truth["observed_from"],
    )


def add_months(day, months):
    place = day.year * 12 + day.month - 1 + months
    first = date(place // 12, place % 12 + 1, 1)
    following = date((place + 1) // 12, (place + 1) % 12 + 1, 1)
    return first + timedelta(days=min(day.day, (following - first).days) - 1)


def by_plain_python(subscriptions, *, after, as_of, grace):
    """Renewals of annual contracts, account by account and row by row; only for rows without overlapping plans."""
    found = {}
    table = subscriptions.assign(
        start=pd.to_datetime(subscriptions["start_date"]).dt.date, end=pd.to_datetime(subscriptions["end_date"]).dt.date
    )
    for account, own in table.groupby("customer_id"):
        rows = [each for each in own.itertuples() if each.start <= as_of]
        ends = {each.Index: each.end if not pd.isna(each.end) and each.end <= as_of else None for each in rows}

        def mrr(day, rows=rows, ends=ends):
            return sum(each.mrr for each in rows if each.start <= day and (ends[each.Index] or date.max) > day)

        def alive(day, mrr=mrr):
            """Whether the account pays, or pays again within the grace (seen by the as-of day), on that day."""
            if mrr(day) > 0:
                return True
            gone = next((back for back in range(1, grace + 1) if mrr(day - timedelta(days=back)) > 0), None)
            if gone is None:
                return False
            ahead = (day + timedelta(days=on) for on in range(1, grace + 1 - gone + 1))
            return any(mrr(later) > 0 for later in ahead if later <= as_of)

        plans = sorted((each for each in rows if each.kind == "plan"), key=lambda each: each.start)
        runs = []
        for each in plans:
            if runs and runs[-1]["term"] == each.billing_months and runs[-1]["until"] == each.start:
                runs[-1]["until"] = ends[each.Index]
            else:
                runs.append({"term": each.billing_months, "start": each.start, "until": ends[each.Index]})
        for run in runs:
            due, nth = add_months(run["start"], 12), 1
            while run["term"] == 12 and due <= as_of and (run["until"] is None or run["until"] >= due):
                if due > after:
                    gone = not alive(due) or not all(alive(due + timedelta(days=on)) for on in range(14))
                    pending = (as_of - due).days < grace
                    found[account, due] = "pending" if pending else "lapsed" if gone else "renewed"
                nth += 1
                due = add_months(run["start"], 12 * nth)
    return found


class TestAgainstOthers:
    def test_plain_python_finds_the_same(self, business, simulated):
        meta = simulated.meta
        expected = by_plain_python(
            business.tables["subscriptions"], after=meta.complete_from, as_of=meta.as_of, grace=meta.grace_days
        )
        found = {
            (each.customer_id, each.due_date.date()): each.outcome
            if each.outcome in ("pending", "lapsed")
            else "renewed"
            for each in falling_due(simulated).itertuples()
        }
        assert len(found) > 100
        assert found == expected

    def test_what_is_derived_is_what_the_company_lists(self, business, simulated):
        """But for a sign-up on the 29th to 31st, whose day the revenue rows of a short month do not tell."""
        listed = business.tables["renewals"]
        listed = listed.assign(due_date=pd.to_datetime(listed["due_date"]))
        listed = listed[listed["due_date"] > pd.Timestamp(simulated.meta.complete_from)]
        both = falling_due(simulated).merge(
            listed, on=["customer_id", "due_date"], how="outer", suffixes=("", "_listed"), indicator=True
        )
        assert (both["_merge"] != "both").sum() <= 2
        both = both[(both["_merge"] == "both") & (both["outcome"] != "pending")]
        assert ((both["outcome"] == "lapsed") == (both["outcome_listed"] == "Lapsed")).all()
        assert ((both["outcome"] == "moved_shorter") == (both["outcome_listed"] == "Moved to monthly")).all()


@pytest.fixture(scope="module")
def scope(simulated):
    chosen = period(simulated.meta)
    return Scope(chosen.start, chosen.end, min_group=20)


class TestShares:
    def test_the_whole_by_hand(self, book):
        """Of what fell due from 2023 to May 2024, 13 of 18 renewed; Wilson's limits by scipy."""
        row = renewals.batting_average(book, Scope(**SPAN)).row(attribute="all", level="all", metric="renewed")
        assert (row["n"], row["events"]) == (18, 5)
        wilson = scipy.stats.binomtest(13, 18).proportion_ci(method="wilson")
        assert (row["low"], row["high"]) == pytest.approx((wilson.low, wilson.high))
        money = renewals.batting_average(book, Scope(**SPAN)).row(
            attribute="all", level="all", metric="revenue_renewed"
        )
        kept, before = 0, 0
        for outcome, was, now in EXPECTED.values():
            if outcome != "pending":
                before += was
                kept += min(was, now)
        assert money["estimate"] == pytest.approx(kept / before)

    def test_groups_add_up_to_the_whole(self, simulated, scope):
        found = renewals.batting_average(simulated, scope).table
        renewed = found[found["metric"] == "renewed"]
        for _, group in renewed[renewed["attribute"] != "all"].groupby("attribute"):
            assert group["n"].sum() == renewed.iloc[0]["n"]
            assert group["events"].sum() == renewed.iloc[0]["events"]
        assert found.loc[found["n"] < 20, "estimate"].isna().all()

    def test_outcomes_are_parts_of_a_whole(self, simulated, scope):
        for by in ("term", "quarter"):
            found = renewals.outcomes(simulated, scope, by=by).table
            shown = found[found["estimate"].notna()]
            np.testing.assert_allclose(shown.groupby("group")["estimate"].sum(), 1)
            assert (found.groupby("group")["events"].sum() == found.groupby("group")["n"].first()).all()
        with pytest.raises(SettingsError, match="term or quarter"):
            renewals.outcomes(simulated, scope, by="year")

    def test_quarters_are_whole_and_decided(self, simulated, scope):
        found = renewals.by_quarter(simulated, scope).table
        last = found["month"].iloc[-1] + pd.DateOffset(months=3, days=-1)
        assert last <= pd.Timestamp(simulated.meta.as_of) - pd.Timedelta(days=31)
        assert found["month"].iloc[0] > pd.Timestamp(simulated.meta.complete_from)

    def test_raw_difference_is_the_score_test(self, simulated, scope):
        found = renewals.differences(simulated, scope)
        tested = found.table[(found.table["kind"] == "raw") & found.table["p"].notna()]
        assert len(tested) > 3
        for _, row in tested.iterrows():
            renewed = np.rint([row["group_share"] * row["n"], row["rest_share"] * row["n_rest"]])
            table = [renewed, [row["n"] - renewed[0], row["n_rest"] - renewed[1]]]
            expected = scipy.stats.chi2_contingency(table, correction=False).pvalue
            assert row["p"] == pytest.approx(expected)
        adjusted = found.table[found.table["kind"] == "adjusted"]
        assert set(adjusted.loc[adjusted["attribute"] == "renewal_value", "adjusted_for"]) <= {
            "plan, age",
            "age, plan",
        }

    def test_every_comparison_is_recorded_with_its_p(self, simulated, scope):
        differences = renewals.differences(simulated, scope)
        change = renewals.year_on_year(simulated, scope)
        found = established.contrasts(differences, change, words=WORDS)
        rows = differences.table[differences.table["kind"] == "adjusted"]
        assert len(found) == len(rows) + 1
        assert all(finding.p is not None for finding in found if finding.shown)
        assert len({finding.id for finding in found}) == len(found)

    def test_a_year_before_that_is_not_there_is_not_compared(self, simulated):
        early = simulated.meta.complete_from
        scope = Scope(early, early + timedelta(days=365))
        change = renewals.year_on_year(simulated, scope)
        assert change.table["estimate"].isna().all()
        assert (
            established.contrasts(renewals.differences(simulated, scope), change, words=WORDS)[-1].id
            != "renewal-over-time"
        )

    def test_months_that_differ_widen_the_comparison_of_years(self, book, monkeypatch):
        """All of one month renew and none of the next: as single decisions a sure difference, as months none."""
        months = pd.date_range("2023-01-01", periods=24, freq="MS") + pd.Timedelta(days=9)
        renewed = [place % 3 < 2 if place < 12 else place % 2 == 0 for place in range(24)]
        frame = pd.DataFrame(
            {"due_date": months, "outcome": ["renewed_alike" if kept else "lapsed" for kept in renewed]}
        )
        frame = pd.concat([frame] * 20, ignore_index=True)
        monkeypatch.setattr("customer_value.studies.renewals.shares.falling_due", lambda *_, **__: frame)
        found = renewals.year_on_year(book, Scope(date(2023, 12, 31), date(2024, 12, 31))).table.iloc[0]
        naive = scipy.stats.chi2_contingency([[120, 120], [160, 80]], correction=False).pvalue
        assert found["estimate"] == pytest.approx(0.5 - 2 / 3)
        assert naive < 0.001 < 0.2 < found["p"]


class TestContracts:
    def test_mix_adds_up(self, simulated):
        mix = renewals.contract_mix(simulated).table
        np.testing.assert_allclose(mix.groupby(["measure", "month"])["estimate"].sum(), 1)
        counts = mix[mix["measure"] == "accounts"].groupby("month")["n"].sum()
        months = simulated.frame("calendar_months")
        assert counts.to_dict() == months[months["closing_active"]].groupby("month").size().to_dict()

    def test_shift_leads_from_one_close_to_the_other(self, book):
        shift = renewals.mix_shift(book, start=date(2023, 12, 31), end=date(2024, 6, 30))
        table = shift.table.set_index("term")
        closing = table["opening"] + table["moved_in"] - table["moved_out"] + table["won"] - table["left"]
        assert (closing == table["estimate"]).all()
        # "to months" and "bounced" came and went on months in between; nobody is seen to have switched
        assert table.loc["monthly", ["opening", "estimate"]].tolist() == [1, 1]
        assert table["share_closing"].sum() == pytest.approx(1)


class TestDueNext:
    def test_by_hand(self, book):
        found = renewals.upcoming(book).table.set_index("customer_id")
        ahead = found[found["when"] == "ahead"]
        # due on 15 December: 168 days ahead; what was renewed in spring comes due next year
        assert ahead["days_left"].to_dict() == {"longer": 168}
        assert found.loc["no word", ["when", "days_left"]].tolist() == ["pending", 0]
        assert "same day" not in found.index
        soon = renewals.due_soon(book)
        assert soon.row(days=90)["n"] == 0
        assert soon.row(days=180)[["n", "estimate"]].tolist() == [1, 90]
        assert soon.row(days=0)[["n", "estimate"]].tolist() == [1, 100]

    def test_windows_hold_each_other_and_the_facts_carry_them(self, simulated):
        soon = renewals.due_soon(simulated)
        listed = renewals.upcoming(simulated).table
        assert soon.row(days=90)["n"] <= soon.row(days=180)["n"]
        assert soon.row(days=180)["estimate"] == pytest.approx(listed.loc[listed["when"] == "ahead", "estimate"].sum())
        facts = established.falling_due(soon)
        assert [finding.estimate for finding in facts] == pytest.approx(
            [12 * soon.row(days=days)["estimate"] for days in (90, 180)]
        )
        assert {finding.design for finding in facts} == {"A"}


class TestWords:
    def test_a_move_to_months_is_said_and_its_share_without(self, book):
        scope = Scope(**SPAN, min_group=1)
        batting, found = renewals.batting_average(book, scope), renewals.outcomes(book, scope)
        said = answers.detail(batting, found, renewals.contract_mix(book), **SPAN, words=WORDS)
        assert "18 contracts ran out" in said
        assert "1 account is among those renewed but moved to a shorter term" in said
        assert answers.headline(batting, least_term=2, words=WORDS) == "13 of 18 contracts that ran out were renewed"
        assert "12 of 18 contracts" in answers.sensitivity(found, batting, words=WORDS)

    @pytest.mark.parametrize(
        ("low", "high", "word"), [(0.01, 0.1, "higher"), (-0.2, -0.1, "lower"), (-0.1, 0.1, "not clearly")]
    )
    def test_a_change_is_named_by_its_whole_range(self, book, low, high, word):
        change = renewals.year_on_year(book, Scope(**SPAN))
        row = {
            "estimate": (low + high) / 2,
            "low": low,
            "high": high,
            "group_share": 0.9,
            "rest_share": 0.85,
            "p": 0.01,
        }
        said = answers.over_time(
            renewals.by_quarter(book, Scope(**SPAN)), change.with_table(change.table.assign(**row)), words=WORDS
        )
        assert word in said
