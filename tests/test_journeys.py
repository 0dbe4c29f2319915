"""How customers develop: the plan ladder, first days, kinds of accounts and coming back, recounted by plain loops."""

from __future__ import annotations

import random
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_value.marts import Marts
from customer_value.marts.ladder import PRICED, RANKED, ladder
from customer_value.rules import Behaviour, Rules
from customer_value.stats import intervals
from customer_value.studies import segments
from customer_value.studies.segments import placing
from customer_value.studies.segments.activation import metrics
from developing_company import ACTIVATED, AS_OF, FIRST, PLANS, Life, lives, marts_of
from marts_fixtures import build_marts

YEAR = {"start": date(2023, 12, 31), "end": AS_OF}
ONBOARDING = Behaviour(name="Onboarded", milestone="onboarding  Completed", within_days=30)


@pytest.fixture(scope="module")
def accounts() -> list[Life]:
    return lives()


@pytest.fixture(scope="module")
def goals(accounts) -> dict[str, dict[str, object]]:
    """What was agreed with every other account, by account."""
    rng = random.Random(3)
    return {
        one.key: {
            "customer_id": one.key,
            "goal": "Return",
            "target_date": one.begin + timedelta(days=200),
            "achieved_date": one.begin + timedelta(days=220) if rng.random() < 0.5 else None,
            "value_delivered": rng.choice([50, 150]),
            "investment": 100,
        }
        for one in accounts[::2]
    }


@pytest.fixture(scope="module")
def answers(accounts) -> list[dict[str, object]]:
    """What two people of every third account said in March 2024, if it was a customer then."""
    rng, day = random.Random(4), date(2024, 3, 15)
    asked = [one for one in accounts[::3] if one.plan_at(day)]
    return [
        {
            "customer_id": one.key,
            "responded_at": day,
            "score": rng.randrange(3, 11),
            "respondent_id": f"{one.key}-{who}",
        }
        for one in asked
        for who in (1, 2)
    ]


@pytest.fixture(scope="module")
def marts(accounts, goals, answers, tmp_path_factory) -> Marts:
    folder = tmp_path_factory.mktemp("developing")
    return marts_of(folder, accounts, success_plans=list(goals.values()), nps_responses=answers)


@pytest.fixture(scope="module")
def some(accounts) -> list[Life]:
    return [one for one in accounts if len(one.used_on) > 3][:60]


@pytest.fixture(scope="module")
def bare(some, tmp_path_factory) -> Marts:
    """A few of the accounts, with a table of plans that ranks one only, and a milestone for activation."""
    reached = [{"customer_id": one.key, "milestone": ACTIVATED, "reached_at": one.used_on[1]} for one in some]
    ranked = [{"plan": "basic", "rank": 3}]
    return marts_of(tmp_path_factory.mktemp("bare"), some, plans=ranked, milestones=reached)


@pytest.fixture(scope="module")
def idle(tmp_path_factory) -> Marts:
    """Accounts that leave by lot. Those who stay take the tour sooner or later; those who leave use less before."""
    rng = random.Random(11)
    rows, reached, use = [], [], []
    for number in range(700):
        key, begin = f"c{number:04d}", FIRST + timedelta(days=rng.randrange(1, 360))
        stays, when = 60 + int(rng.expovariate(1 / 420)), int(rng.expovariate(1 / 120))
        end = begin + timedelta(days=stays)
        rows.append({"customer_id": key, "start_date": begin, "end_date": end, "billing_months": 1})
        if when < stays and begin + timedelta(days=when) <= AS_OF:
            reached.append({"customer_id": key, "milestone": "Tour", "reached_at": begin + timedelta(days=when)})
        for month in pd.period_range(begin, min(end, begin + timedelta(days=120)), freq="M"):
            first, last = month.start_time.date(), month.end_time.date()
            days = (min(end, last + timedelta(days=1)) - max(begin, first)).days
            falls = (end - last).days < 92
            use.append(
                {"customer_id": key, "month": first, "events": int(days * rng.uniform(8, 12) / (4 if falls else 1))}
            )
    # Use is on record until the end.
    use.append({"customer_id": "c0000", "month": AS_OF.replace(day=1), "events": 0})
    return build_marts(
        tmp_path_factory.mktemp("idle"),
        subscriptions=rows,
        as_of=AS_OF,
        observed_from=FIRST,
        further={"milestones": reached, "activity_monthly": use},
    )


def months_to(begin: date, day: date) -> int:
    """The smallest number of whole months from ``begin`` whose anniversary is not before ``day``."""
    return next(k for k in range(600) if begin + relativedelta(months=k) >= day)


def months_by(begin: date, day: date) -> int:
    """The largest number of whole months from ``begin`` whose anniversary is not after ``day``."""
    return next(k for k in range(600) if begin + relativedelta(months=k + 1) > day)


class TestLadder:
    def test_every_stay_is_the_one_that_was_drawn(self, accounts, marts) -> None:
        found = marts.frame("plan_stays")
        drawn = [
            (one.key, plan, pd.Timestamp(start), pd.NaT if until is None else pd.Timestamp(until))
            for one in accounts
            for plan, start, until in one.stays
        ]
        expected = pd.DataFrame(drawn, columns=["customer_id", "plan", "start_date", "end_date"])
        expected[["start_date", "end_date"]] = expected[["start_date", "end_date"]].astype("datetime64[ns]")
        expected = expected.sort_values(["customer_id", "start_date"]).reset_index(drop=True)
        pd.testing.assert_frame_equal(found[expected.columns.tolist()], expected)
        for one in accounts:
            rows = found[found["customer_id"] == one.key]
            for (row, follows), (_, _, until) in zip(
                zip(rows.itertuples(), [*one.stays[1:], None], strict=True), one.stays, strict=True
            ):
                moved = follows is not None and follows[1] == until
                ended = None if until is None else "moved" if moved else "left"
                assert (row.ended or None) == ended if ended is None else row.ended == ended
                assert row.since_known

    def test_moves_are_those_of_a_loop(self, accounts, marts) -> None:
        counts = {}
        for one in accounts:
            before = one.plan_at(YEAR["start"])
            if before is None:
                continue
            ends = [until for (_, start, until), follows in zip(one.stays, [*one.stays[1:], None], strict=True)
                    if until and (follows is None or follows[1] > until)]  # fmt: skip
            left = any(YEAR["start"] < until <= YEAR["end"] for until in ends)
            key = before, "left" if left else one.plan_at(YEAR["end"])
            counts[key] = counts.get(key, 0) + 1
        moves = segments.moves(marts, **YEAR).table
        found = {(row.plan, row.plan_now): row.accounts for row in moves.itertuples() if row.accounts}
        assert found == counts
        assert moves.groupby("plan")["accounts"].sum().to_dict() == moves.groupby("plan")["n"].first().to_dict()
        up = moves[(moves["plan"] == "basic") & (moves["plan_now"] == "plus")].iloc[0]
        share, low, high = intervals.wilson(counts["basic", "plus"], up["n"])
        assert (up["estimate"], up["low"], up["high"]) == pytest.approx((float(share), float(low), float(high)))

    def test_time_on_plan_is_aalen_johansen_of_the_stays_drawn(self, accounts, marts) -> None:
        entries = []
        for one in accounts:
            first = {}
            for (plan, start, until), follows in zip(one.stays, [*one.stays[1:], None], strict=True):
                if plan in first:
                    continue
                first[plan] = True
                whole = months_by(start, AS_OF)
                age = months_to(start, until) if until else whole
                way = None
                if until and age <= whole:
                    on = follows is not None and follows[1] == until
                    way = "left" if not on else "up" if PLANS.index(follows[0]) > PLANS.index(plan) else "down"
                if min(age, whole) > 0:
                    entries.append((plan, min(age, whole), way))
        table = pd.DataFrame(entries, columns=["plan", "exit", "way"])
        basic = table[table["plan"] == "basic"]
        survived, incidence = 1.0, 0.0
        for age in range(1, 13):
            here = (basic["exit"] >= age).sum()
            ended = basic[basic["exit"] == age]["way"]
            incidence += survived * (ended == "up").sum() / here
            survived *= 1 - ended.notna().sum() / here
        found = segments.time_on_plan(marts, min_at_risk=1).row(plan="basic", way="up", month=12)
        assert found["estimate"] == pytest.approx(incidence)
        assert found["stays"] == len(basic)

    def test_steps_compare_every_plan_with_the_others_that_can(self, marts) -> None:
        steps = segments.steps(marts, **YEAR, min_group=5)
        moves = segments.moves(marts, **YEAR, min_group=5).table
        for plan in ("basic", "plus"):
            cells = moves[(moves["plan"] == plan) & (moves["way"] == "up")]
            assert steps.row(plan=plan, metric="up")["events"] == cells["accounts"].sum()
        one, two = (steps.row(plan=plan, metric="up") for plan in ("basic", "plus"))
        assert one["difference"] == pytest.approx(-two["difference"], rel=0.01)
        assert one["p_adjusted"] == pytest.approx(one["p"])  # the mirror image is no second look
        assert set(steps.table[steps.table["metric"] == "left"]["plan"]) == set(PLANS)

    def test_without_ranks_plans_stand_in_the_order_of_what_they_cost(self, marts, bare) -> None:
        assert ladder(marts)["ordered_by"].unique().tolist() == [RANKED]
        assert ladder(bare)["ordered_by"].unique().tolist() == [PRICED]
        assert ladder(bare)["plan"].tolist() == ladder(marts)["plan"].tolist() == list(PLANS)
        assert "no table of plans ranks them all" in segments.moves(bare, **YEAR).notes[0]


def test_an_opening_stock_is_not_taken_for_newly_come(tmp_path) -> None:
    """Accounts on a plan when the data begin came onto it some time before: their months on it are unknown."""
    rows = [{"customer_id": f"s{i}", "start_date": "2022-01-01", "product": "basic"} for i in range(5)]
    rows += [{"customer_id": "s0x", "start_date": "2022-01-01", "end_date": "2022-06-01", "product": "basic"}]
    rows += [{"customer_id": "s0x", "start_date": "2022-06-01", "product": "plus", "mrr": 200}]
    rows += [{"customer_id": "n0", "start_date": "2022-03-10", "product": "basic"}]
    built = build_marts(tmp_path, subscriptions=rows, as_of="2022-12-31", observed_from="2022-01-01")
    known = built.frame("plan_stays").set_index(["customer_id", "plan"])["since_known"]
    assert known.to_dict() == {("n0", "basic"): True, ("s0x", "basic"): False, ("s0x", "plus"): True} | {
        (f"s{i}", "basic"): False for i in range(5)
    }


class TestFirstDays:
    def test_groups_are_those_of_a_loop(self, accounts, marts) -> None:
        did, kept = [], []
        began = min(one.onboarded for one in accounts if one.onboarded)
        for one in accounts:
            since = one.begin + timedelta(days=30)
            until = since + relativedelta(months=12)
            gone = one.left is not None and one.left <= since
            if one.begin < began or until > AS_OF or gone:
                continue
            did.append(one.onboarded is not None and one.onboarded <= since)
            kept.append(one.left is None or one.left > until)
        did, kept = np.array(did), np.array(kept)
        found = segments.behaviours(marts, [ONBOARDING], min_group=5)
        row = found.row(attribute="behaviour", level="Onboarded within 30 days", metric="logo_retention", kind="raw")
        assert (row["n"], row["n_rest"]) == (did.sum(), (~did).sum())
        assert (row["group_share"], row["rest_share"]) == pytest.approx((kept[did].mean(), kept[~did].mean()))

    def test_what_cannot_be_told_is_said_with_the_nearest_name(self, marts) -> None:
        rules = [
            Behaviour(name="Arrived", milestone="Onboarding complete", within_days=30),
            Behaviour(name="Exported", feature="exprt", within_days=60),
        ]
        found = segments.behaviours(marts, rules)
        assert found.table.empty
        assert "no milestone “Onboarding complete”. Did you mean Onboarding completed?" in found.notes[0]
        assert "no feature “exprt”. Did you mean export?" in found.notes[1]

    def test_what_survivors_do_is_not_linked_when_it_does_nothing(self, idle) -> None:
        """Everybody who stays does it sooner or later: asked who ever did it, it looks wonderful."""
        found = segments.behaviours(idle, [Behaviour(name="Tour", milestone="Tour", within_days=90)])
        row = found.row(attribute="behaviour", level="Tour within 90 days", metric="logo_retention", kind="adjusted")
        assert row["naive"] > 0.15
        assert row["low"] < 0 < row["high"]
        assert row["p"] > 0.05

    def test_use_that_falls_before_leaving_is_not_taken_for_a_bad_start(self, idle) -> None:
        """With no wait, who is leaving already has used less; three months later nothing is left of it."""
        busy = {"name": "Busy", "usage": "events", "top_share": 0.5, "within_days": 60}
        key = {"attribute": "behaviour", "level": "Busy within 60 days", "metric": "logo_retention", "kind": "adjusted"}
        at_once = segments.behaviours(idle, [Behaviour(**busy, wait_days=0)]).row(**key)
        assert at_once["p"] < 0.005
        assert segments.behaviours(idle, [Behaviour(**busy)]).row(**key)["p"] > 0.05


class TestKinds:
    def test_every_account_stands_in_one_place_and_sums_are_the_company(self, marts) -> None:
        found = segments.kinds(marts, Rules(), **YEAR, min_group=1)
        for metric in ("customers", "arr_share"):
            rows = found.where(metric=metric).table
            company = rows[rows["attribute"] == "all"]["estimate"].iloc[0]
            sums = rows[rows["attribute"] != "all"].groupby("attribute")["estimate"].sum()
            assert sums.to_dict() == pytest.approx(dict.fromkeys(("usage", "journey", "value"), company))
        today = segments.kinds_today(marts, Rules())
        active = (marts.frame("accounts")["status"] == "active").sum()
        assert today.table.groupby("attribute")["estimate"].sum().tolist() == [active] * 3

    def test_value_is_that_of_a_loop_and_knows_no_later_goal(self, marts, goals) -> None:
        close = YEAR["start"]
        origins = marts.frame("accounts").set_index("customer_id")["origin_date"]
        places = placing.placed(marts, Rules(), close=close).accounts.set_index("customer_id")["value"]
        for key, place in places.items():
            goal = goals.get(key)
            reached = goal is not None and goal["achieved_date"] is not None and goal["achieved_date"] <= close
            seen = goal is not None and (reached or goal["target_date"] <= close)
            if reached and goal["value_delivered"] >= goal["investment"]:
                expected = "achievers"
            elif seen and not reached and goal["target_date"] + timedelta(days=30) < close:
                expected = "blocked"
            elif seen:
                expected = "seekers"
            else:
                young = (pd.Timestamp(close) - origins[key]).days <= 6 * 365.25 / 12
                expected = "explorers" if young else placing.CANNOT_TELL
            assert place == expected, key

    def test_journey_is_that_of_a_loop(self, accounts, marts) -> None:
        """Without a milestone of value, onboarding tells who was quick."""
        close, rule = YEAR["start"], Rules().journey
        until = date(2023, 9, 30)
        windows = [(date(2023, 7, 1), until), (date(2023, 4, 1), date(2023, 6, 30))]
        places = placing.placed(marts, Rules(), close=close).accounts.set_index("customer_id")["journey"]
        began = min(one.onboarded for one in accounts if one.onboarded)
        recorded = min(day for one in accounts for day in one.used_on)
        for one in accounts:
            if one.key not in places.index:
                continue
            rates = [self._rate(one, *window) for window in windows]
            onboarded = one.onboarded if one.onboarded and one.onboarded <= close else None
            fallen = None not in rates and rates[1] > 0 and rates[0] <= (1 - rule.falling) * rates[1]
            late = (onboarded or close) > one.begin + timedelta(days=rule.onboarding_days)
            uses = rates[0] is None or rates[0] > 0
            if onboarded is None and (not late or one.begin < began):
                expected = placing.CANNOT_TELL
            elif onboarded is not None and fallen:
                expected = "stalled"
            elif onboarded is not None and (onboarded - one.begin).days <= rule.rapid_days and uses:
                expected = "rapid"
            else:
                expected = "struggling" if late and (rates[0] is None or rates[0] == 0) else "steady"
            assert places[one.key] == expected, (one.key, expected, recorded)

    def _rate(self, one: Life, first: date, last: date) -> float | None:
        """Days of use per day as a customer; None without such a day."""
        exposed = sum(one.plan_at(first + timedelta(days=step)) is not None for step in range((last - first).days + 1))
        return sum(first <= day <= last for day in one.used_on) / exposed if exposed else None

    def test_missing_tables_are_said(self, bare) -> None:
        found = segments.kinds(bare, Rules(), **YEAR)
        assert "value" not in set(found.table["attribute"])
        assert "Value reached cannot be told: it needs the table success_plans." in found.notes
        assert any("no milestone “Onboarding completed”" in note for note in found.notes)

    @given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5), st.integers(0, 5), st.integers(0, 900)), min_size=1))
    @settings(max_examples=30, deadline=None)
    def test_kinds_of_use_part_the_accounts_whatever_their_order(self, rows) -> None:
        state = pd.DataFrame(rows, columns=["usage", "usage_before", "features", "age_days"]).astype(float)
        state = state.assign(months_used=3.0, months_exposed=3.0, dissatisfied=state["features"] == 1)
        placed = placing._usage(state, Rules())
        assert set(placed) <= set(placing.KINDS["usage"])
        turned = placing._usage(state[::-1].reset_index(drop=True), Rules())
        assert placed.tolist() == turned[::-1].tolist()
        assert not ((placed == "power") & state["dissatisfied"].to_numpy()).any()

    def test_everyone_in_one_kind_is_compared_with_nobody(self, marts, monkeypatch) -> None:
        monkeypatch.setattr(placing, "_usage", lambda state, rules: np.full(len(state), "core", dtype=object))
        rules = Rules(usage={"months": 2})
        contrasts = segments.kind_contrasts(marts, rules, **YEAR)
        assert "usage" not in set(contrasts.table["attribute"])


class TestActivation:
    def test_cohorts_are_those_of_a_loop(self, accounts, marts) -> None:
        until = max(day for one in accounts for day in one.used_on)
        began = min(day for one in accounts for day in one.used_on)
        cohorts = segments.activation_cohorts(marts, grain="quarter", min_group=1)
        for name, (day, rolling) in metrics((7, 30)).items():
            counts: dict[tuple[int, int], list[bool]] = {}
            for one in accounts:
                used = [each for each in one.used_on if one.left is None or each < one.left or one.plan_at(each)]
                if not used or one.begin < began:
                    continue
                after = {(each - used[0]).days for each in used}
                reach = range(day, day + 31) if rolling else (day,)
                quarter = (used[0].year, (used[0].month - 1) // 3)
                counts.setdefault(quarter, []).append(any(step in after for step in reach))
            for (year, quarter), back in counts.items():
                first = date(year, 3 * quarter + 1, 1)
                last = first + relativedelta(months=3) - timedelta(days=1)
                row = cohorts.row(metric=name, month=pd.Timestamp(first))
                assert row["n"] == len(back)
                if last + timedelta(days=day + 30 * rolling) > until:
                    assert np.isnan(row["estimate"])
                    assert not row["observed"]
                else:
                    assert row["events"] == sum(back)

    def test_a_milestone_takes_the_place_of_the_first_use(self, some, bare) -> None:
        row = segments.came_back(bare, days=(7,)).row(metric="day_7_classic")
        began, until = (pick(day for one in some for day in one.used_on) for pick in (min, max))
        counted = [one for one in some if one.begin >= began and one.used_on[1] + timedelta(days=7) <= until]
        assert row["n"] == len(counted)
        assert row["events"] == sum(one.used_on[1] + timedelta(days=7) in one.used_on for one in counted)
        assert "milestone “Activated”" in segments.came_back(bare).notes[0]


def test_referred_accounts_are_a_group_of_segments(accounts, marts) -> None:
    """Who is not marked either way is in no comparison."""
    here = [one for one in accounts if one.plan_at(YEAR["start"])]
    overview = segments.overview(marts, **YEAR, by=["referred"], min_group=5)
    for level, marked in (("yes", True), ("no", False), ("not stated", None)):
        sized = overview.row(attribute="referred", level=level, metric="customers")
        assert sized["estimate"] == sum(one.referred is marked for one in here)
    contrast = segments.contrasts(marts, **YEAR, by=["referred"], min_group=5).where(metric="logo_retention").table
    assert contrast["level"].tolist() == ["yes"]
    assert contrast["n_rest"].tolist() == [sum(one.referred is False for one in here)]


def test_promoter_score_is_that_of_the_groups_answers(accounts, answers, marts) -> None:
    """Each group's own accounts when the period began; those that joined later are in none."""
    found = segments.overview(marts, **YEAR, by=["plan"], min_group=5).where(metric="nps")
    plans = {one.key: one.plan_at(YEAR["start"]) for one in accounts}
    for level in ("all", *PLANS):
        of = [each for each in answers if plans[each["customer_id"]] and level in ("all", plans[each["customer_id"]])]
        row = found.row(attribute="all" if level == "all" else "plan", level=level, metric="nps")
        assert row["n"] == len(of) / 2
        if row["n"] >= 5:
            signs = [(each["score"] >= 9) - (each["score"] <= 6) for each in of]
            assert row["estimate"] == pytest.approx(100 * np.mean(signs))
            assert row["low"] < row["estimate"] < row["high"]
