"""Months at risk by term, what was used some months before, and both in cells."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from customer_value.errors import SettingsError
from customer_value.marts import Marts, lookback, risk
from customer_value.marts.dates import close_of_month, months_between
from customer_value.marts.levels import NOT_STATED, OTHER
from customer_value.marts.store import to_pandas
from marts_fixtures import build_marts
from marts_reference import anniversary, carried, daily_mrr, random_rows, spells
from test_usage import act, row, summed

AS_OF = date(2024, 6, 30)
FIRST = date(2022, 1, 1)


def at_risk(marts: Marts, name: str) -> pd.DataFrame:
    frame = to_pandas(risk.person_months(marts).order_by("customer_id", "month"))
    return (
        frame[frame["customer_id"] == name].assign(month=lambda f: f["month"].dt.strftime("%Y-%m")).set_index("month")
    )


@pytest.fixture(scope="module")
def terms(tmp_path_factory: pytest.TempPathFactory) -> Marts:
    """Accounts named after their term and what becomes of it."""
    year, month = {"billing_months": 12}, {"billing_months": 1}
    return build_marts(
        tmp_path_factory.mktemp("terms"),
        as_of="2024-06-30",
        observed_from="2022-12-31",
        attributes={"channel": {}, "employees": {"kind": "number"}, "region": {"known_at": "current"}, "size": {}},
        customers=[
            {"customer_id": name, "channel": "ads", "employees": 7, "region": "north", "size": "large"}
            for name in ("year, ends within the month", "month")
        ],
        subscriptions=[
            row("year, ends within the month", "2023-01-15", "2024-01-15", **year),
            row("year, ends on a first", "2023-02-01", "2024-02-01", **year),
            row("year, ends on a first, renewed", "2023-02-01", **year),
            row("year, from a last day", "2023-01-31", **year),
            row("year, upgraded mid-term", "2023-01-15", "2023-08-10", 100, **year),
            row("year, upgraded mid-term", "2023-08-10", "2024-01-15", 300, product="pro", **year),
            row("month", "2023-01-31", "2023-06-30", **month),
            row("month", "2023-06-30", None, 120, **month),
            row("month, then year", "2023-01-10", "2023-04-10", **month),
            row("month, then year", "2023-04-10", None, **year),
            row("week", "2023-03-05", None, billing_months=12 / 52),
            row("not stated", "2023-03-05"),
            row("pauses", "2023-01-10", "2023-03-20", **month),
            row("pauses", "2023-04-10", None, **month),
            row("leaves and returns", "2023-01-10", "2023-03-20", **month),
            row("leaves and returns", "2023-07-10", "2024-02-10", **month),
            row("comes and goes", "2023-03-02", "2023-03-20", **month),
            row("starts on a first", "2023-03-01", "2023-05-01", **month),
        ],
    )


class TestTheMonthsAtRisk:
    def test_a_year_ends_at_the_same_place_whatever_its_first_day(self, terms: Marts) -> None:
        for name, first, last in (
            ("year, ends within the month", "2023-02", "2024-01"),
            ("year, ends on a first", "2023-03", "2024-02"),
            ("year, upgraded mid-term", "2023-02", "2024-01"),
        ):
            months = at_risk(terms, name)
            assert months.index[0] == first
            assert months.index[-1] == last
            assert months["since_term"].tolist() == list(range(1, 13))
            assert months["churned"].tolist() == [False] * 11 + [True]
            assert months["due"].tolist() == [False] * 11 + [True]
            assert (months["term"] == 12).all()

    def test_a_decision_falls_where_the_months_since_are_a_multiple_of_the_term(self, terms: Marts) -> None:
        every = to_pandas(risk.person_months(terms))
        bound = every[every["term"] > 0]
        assert ((bound["since_term"] % bound["term"] == 0) == bound["due"]).all()
        stays = at_risk(terms, "year, from a last day")
        assert stays.loc["2024-01", ["since_term", "due", "churned"]].tolist() == [12, True, False]
        assert stays.loc["2024-02", ["since_term", "due"]].tolist() == [13, False]
        assert stays["age_months"].tolist() == stays["since_term"].tolist()

    def test_terms_run_on_through_renewals_and_start_anew_with_another_term(self, terms: Marts) -> None:
        month = at_risk(terms, "month")
        assert month["since_term"].tolist() == list(range(1, 18))
        assert month["due"].all()
        # The renewal at a higher price within June.
        assert month.index[month["expanded"]].tolist() == ["2023-06"]
        changed = at_risk(terms, "month, then year")
        assert changed["term"].tolist() == [1, 1, 1] + [12] * 14
        assert changed.loc["2023-04":"2023-06", "since_term"].tolist() == [3, 1, 2]
        assert changed.index[changed["due"]].tolist() == ["2023-02", "2023-03", "2023-04", "2024-04"]

    def test_terms_of_weeks_and_terms_not_stated(self, terms: Marts) -> None:
        assert set(at_risk(terms, "week")["term"]) == {1}
        unknown = at_risk(terms, "not stated")
        assert set(unknown["term"]) == {0}
        assert unknown["since_term"].tolist() == list(range(1, 16))
        assert not unknown["due"].any()

    def test_a_pause_is_no_end_and_nothing_counts_after_the_first_end(self, terms: Marts) -> None:
        pauses = at_risk(terms, "pauses")
        assert len(pauses) == 17
        assert not pauses["churned"].any()
        # The run of the term begins anew after the gap; through it the old one is carried.
        assert pauses.loc["2023-03":"2023-06", "since_term"].tolist() == [2, 3, 1, 2]
        left = at_risk(terms, "leaves and returns")
        assert left.index.tolist() == ["2023-02", "2023-03"]
        assert left["churned"].tolist() == [False, True]
        assert at_risk(terms, "comes and goes").empty
        # An end on the first of May is May's.
        assert at_risk(terms, "starts on a first").index.tolist() == ["2023-04", "2023-05"]

    def test_only_what_was_known_at_sign_up_comes_along(self, terms: Marts) -> None:
        columns = risk.person_months(terms).columns
        assert columns[-4:] == ("group", "channel", "employees", "size_given")
        assert risk.covariates(terms) == ("size", "plan", "intensity", "channel", "employees", "size_given")
        assert set(at_risk(terms, "month")["size_given"]) == {"large"}

    def test_the_group_of_an_account_is_the_same_on_every_machine(self, terms: Marts) -> None:
        every = to_pandas(risk.person_months(terms)).drop_duplicates("customer_id")
        expected = [int(hashlib.md5(name.encode()).hexdigest()[:4], 16) % 50 for name in every["customer_id"]]
        assert every["group"].tolist() == expected


def random_world(tmp_path, seed: int, *, first_use: date = date(2022, 10, 1), **options: object) -> tuple[Marts, dict]:
    chance = random.Random(seed)
    lives = random_rows(seed, accounts=60, first=FIRST, last=AS_OF)
    sums = []
    for name in lives:
        for month in months_between(first_use, AS_OF):
            for feature, share in (("a", 0.5), ("b", 0.3), ("c", 0.7)):
                if chance.random() < share:
                    sums.append(summed(name, f"{month}", feature, chance.randint(1, 9)))
    marts = build_marts(
        tmp_path,
        as_of=AS_OF,
        observed_from="2021-12-31",
        subscriptions=[{"customer_id": name, **held} for name, several in lives.items() for held in several],
        further={"feature_usage_monthly": sums},
        **options,
    )
    return marts, {"lives": lives, "sums": sums}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Marts, dict]:
    return random_world(tmp_path_factory.mktemp("risk"), 4)


def lived(lives: Mapping[str, Sequence[Mapping[str, object]]]) -> dict[str, tuple[date, date | None, dict]]:
    """Start and end of every account's first spell, and what it paid day by day, in plain Python."""
    every = {}
    for name, held in lives.items():
        filled = carried(daily_mrr(held, first=FIRST, last=AS_OF), grace_days=31)
        if filled:
            every[name] = (*spells(filled, as_of=AS_OF)[0], filled)
    return every


def test_months_at_risk_agree_with_living_through_every_day(world: tuple[Marts, dict]) -> None:
    marts, given = world
    expected = []
    for name, (start, end, paid) in sorted(lived(given["lives"]).items()):
        for month in months_between(FIRST, AS_OF):
            before, close = month - timedelta(days=1), close_of_month(month)
            if before >= start and (end is None or before < end):
                left = end is not None and month <= end <= close
                grew = not left and paid[close] > paid[before]
                expected.append((name, month, left, grew, float(paid[before])))
    got = to_pandas(risk.person_months(marts).order_by("customer_id", "month"))
    got["month"] = got["month"].dt.date
    columns = ["customer_id", "month", "churned", "expanded", "opening_mrr"]
    assert list(got[columns].itertuples(index=False, name=None)) == expected
    assert got["churned"].sum() > 20
    churn = marts.frame("calendar_months").query("movement == 'churn'")
    firsts = churn.sort_values("month").drop_duplicates("customer_id")
    left = got[got["churned"]]
    assert sorted(zip(left["customer_id"], left["month"], strict=True)) == sorted(
        zip(firsts["customer_id"], firsts["month"].dt.date, strict=True)
    )


@pytest.mark.parametrize(("feature", "lag", "window"), [("a", 0, 1), ("a", 1, 3), ("b", 3, 3), ("c", 6, 2)])
def test_use_before_agrees_with_a_slow_loop(world: tuple[Marts, dict], feature: str, lag: int, window: int) -> None:
    marts, given = world
    every = lived(given["lives"])
    used = {}
    for sum_ in given["sums"]:
        used[sum_["customer_id"], date.fromisoformat(sum_["month"]), sum_["feature"]] = sum_["events"]
    expected = []
    for name, (start, end, paid) in sorted(every.items()):
        exposed = {
            month: sum(month <= day <= close_of_month(month) for day in paid) for month in months_between(start, AS_OF)
        }
        for month in months_between(FIRST, AS_OF):
            before = month - timedelta(days=1)
            if not (before >= start and (end is None or before < end)):
                continue
            back = [anniversary(month, -step) for step in range(1, 40)]
            inside = back[lag : lag + window]
            whole = all(m >= date(2022, 10, 1) and exposed.get(m) == (close_of_month(m) - m).days + 1 for m in inside)
            if not whole:
                continue
            months = [m for m in sorted(exposed) if exposed[m] and (name, m, feature) in used and m <= inside[0]]
            prior = [m for m in back[lag + window : lag + window + 3] if m >= date(2022, 10, 1) and exposed.get(m)]
            others = sum(used.get((name, m, f), 0) for m in prior for f in "abc" if f != feature)
            expected.append(
                (
                    name,
                    month,
                    sum((name, m, feature) in used for m in inside) / window,
                    int(len(months) >= 2),
                    others if prior else None,
                    sum(exposed[m] for m in prior) or None,
                )
            )
    got = risk.lagged_use(marts, feature=feature, lag=lag, window=window).order_by("customer_id", "month")
    got = [tuple(r.values()) for r in got.to_pyarrow().to_pylist()]
    assert [(name, month) for name, month, *_ in got] == [(name, month) for name, month, *_ in expected]
    assert got == expected
    assert len(got) > 100


@pytest.mark.parametrize("exposure", ["regular", "adopted"])
@pytest.mark.parametrize("outcome", ["churned", "expanded"])
@pytest.mark.parametrize("by_group", [False, True])
def test_cells_add_up_the_rows(world: tuple[Marts, dict], exposure: str, outcome: str, by_group: bool) -> None:
    marts, _ = world
    rows = to_pandas(risk.person_months(marts)).merge(
        to_pandas(risk.lagged_use(marts, feature="a", lag=1)), on=["customer_id", "month"]
    )
    every = to_pandas(risk.person_months(marts))
    edges = every["opening_mrr"].quantile([1 / 3, 2 / 3], interpolation="lower")
    rows["size"] = sum((rows["opening_mrr"] > edge).astype(int) for edge in sorted(set(edges)))
    keys = ["term", "since_term", "size", "plan", *(["group"] if by_group else [])]
    rows = rows.rename(columns={"opening_plan": "plan", exposure: "exposure"})
    expected = (
        rows.assign(at_risk=1, events=rows[outcome].astype(int))
        .groupby([*keys[:4], "exposure", *keys[4:]], as_index=False)[["at_risk", "events"]]
        .sum()
    )
    got = risk.feature_cells(
        marts, feature="a", lag=1, outcome=outcome, exposure=exposure, adjust=("size", "plan"), by_group=by_group
    )
    pd.testing.assert_frame_equal(got, expected, check_dtype=False)


def test_intensity_has_bands_of_other_use_per_day_and_a_level_where_nothing_is_observed(
    world: tuple[Marts, dict],
) -> None:
    marts, _ = world
    rows = to_pandas(risk.lagged_use(marts, feature="c", lag=2, window=3))
    cells = risk.feature_cells(marts, feature="c", lag=2, outcome="churned", adjust=("intensity",))
    sizes = cells.groupby("intensity")["at_risk"].sum()
    assert sizes[-1] == rows["prior_days"].isna().sum() > 0
    per_day = (rows["other_events"] / rows["prior_days"]).dropna().sort_values().to_numpy()
    # Bands part the rows in order, into as many as there are rows of each.
    assert sizes.drop(-1).sum() == len(per_day)
    steps = np.cumsum(sizes.drop(-1))[:-1]
    assert all(per_day[step - 1] < per_day[step] for step in steps)
    assert sizes.drop(-1).min() > 0.15 * len(per_day)


def test_identical_features_have_identical_cells_and_no_other_feature_is_in_them(tmp_path) -> None:
    sums = [
        summed(name, f"2023-{month:02d}-01", feature, 3)
        for name, months in (("x", range(1, 13)), ("y", (2, 5, 6, 7)), ("z", (1, 2)))
        for month in months
        for feature in ("one", "two")
    ]
    held = [
        row(name, "2022-06-01", end, billing_months=1) for name, end in (("x", None), ("y", "2023-11-05"), ("z", None))
    ]
    marts = build_marts(
        tmp_path,
        as_of="2023-12-31",
        observed_from="2022-05-31",
        subscriptions=held,
        further={"feature_usage_monthly": sums},
    )
    one, two = (risk.feature_cells(marts, feature=name, lag=1, outcome="churned") for name in ("one", "two"))
    pd.testing.assert_frame_equal(one, two)
    # Looked back on from May, four months after the first use, to December; one account leaves in November.
    assert one["at_risk"].sum() == 8 + 8 + 7
    assert one["events"].sum() == 1


def test_use_that_is_recorded_late_or_ends_early_leaves_months_out(tmp_path) -> None:
    sums = [summed("x", f"2023-{month:02d}-01") for month in (3, 4, 5, 6, 7, 8)]
    marts = build_marts(
        tmp_path,
        as_of="2023-12-31",
        observed_from="2022-05-31",
        subscriptions=[row("x", "2022-06-01"), row("y", "2022-06-15"), row("z", "2023-04-15")],
        further={"feature_usage_monthly": sums},
    )
    got = to_pandas(risk.lagged_use(marts, feature="export", lag=1, window=2).order_by("customer_id", "month"))
    months = got.assign(month=got["month"].dt.strftime("%m")).groupby("customer_id")["month"].agg(list)
    # Use from March on, the last in August: the window may begin in March and must end by August.
    assert months["x"] == months["y"] == ["06", "07", "08", "09", "10"]
    # The account's first whole month is May.
    assert months["z"] == ["08", "09", "10"]
    assert got.query("customer_id == 'x'")["regular"].tolist() == [1.0] * 5
    # Of the account that came in April, the days before its window count from its first.
    assert got.query("customer_id == 'z'")["prior_days"].tolist() == [16.0, 47.0, 77.0]


def test_a_future_and_the_order_of_rows_change_no_cell(tmp_path) -> None:
    held = [row(f"account {n}", f"2023-0{n % 4 + 1}-1{n % 3}", billing_months=1) for n in range(12)]
    held += [row("leaves", "2023-01-01", "2023-10-15", billing_months=1)]
    events = [
        act(r["customer_id"], f"2023-{month:02d}-{day:02d} 12:00")
        for place, r in enumerate(held)
        for month in range(3, 13)
        for day in range(1, 2 + (place + month) % 4)
    ]
    later = [act("leaves", "2024-01-01 00:00"), act("account 1", "2024-02-01 00:00", "new")]

    def cells(name: str, held: list, events: list) -> pd.DataFrame:
        marts = build_marts(tmp_path / name, as_of="2023-12-31", subscriptions=held, further={"usage_events": events})
        return risk.feature_cells(marts, feature="export", lag=1, outcome="churned", by_group=True)

    expected = cells("now", held, events)
    assert expected["events"].sum() == 1
    pd.testing.assert_frame_equal(cells("later", [*held, row("account 1", "2024-01-05")], events + later), expected)
    pd.testing.assert_frame_equal(cells("turned", held[::-1], events[::-1]), expected)


def test_small_levels_are_put_together_and_missing_ones_stay_apart(tmp_path) -> None:
    def customer(place: int) -> dict[str, object]:
        common = "ads" if place < 40 else "search" if place < 80 else None if place < 85 else f"shop {place}"
        return {"customer_id": f"account {place:03d}", "channel": common}

    people = [customer(place) for place in range(120)]
    marts = build_marts(
        tmp_path,
        as_of="2023-12-31",
        observed_from="2022-12-31",
        attributes={"channel": {}},
        customers=people,
        subscriptions=[row(one["customer_id"], "2023-01-01") for one in people],
        further={"feature_usage_monthly": [summed("account 001", "2023-01-01"), summed("account 002", "2023-12-01")]},
    )
    cells = risk.feature_cells(marts, feature="export", lag=1, outcome="churned", adjust=("channel",))
    shares = cells.groupby("channel")["at_risk"].sum() / cells["at_risk"].sum()
    assert shares.round(3).to_dict() == {
        "ads": round(40 / 120, 3),
        "search": round(40 / 120, 3),
        OTHER: round(35 / 120, 3),
        NOT_STATED: round(5 / 120, 3),
    }
    # No rarity is told from the others, and nobody is dropped.
    assert cells["at_risk"].sum() == 120 * 8


def test_snapshots_have_one_baseline_by_time_in_view(tmp_path) -> None:
    marts = build_marts(
        tmp_path,
        as_of="2023-12-31",
        shape="snapshots",
        subscriptions=[row("a", "2023-01-01"), row("b", "2023-03-01", "2023-08-01")],
        further={"usage_events": [act("a", f"2023-{month:02d}-05") for month in range(1, 13)]},
    )
    cells = risk.feature_cells(marts, feature="export", lag=1, outcome="churned", exposure="adopted", adjust=())
    assert cells["term"].unique().tolist() == [0]
    assert cells.query("events == 1")[["since_term", "exposure", "at_risk"]].to_numpy().tolist() == [[5, 0, 1]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feature": "exprot"}, "A feature is one of a, b, c.\n  got:      exprot"),
        ({"lag": -1}, "The lag must be at least 0.\n  got:      -1"),
        ({"window": 0}, "The window must be at least 1.\n  got:      0"),
        ({"outcome": "left"}, "An outcome is one of churned, expanded.\n  got:      left"),
        ({"exposure": "ever"}, "An exposure is one of regular, adopted.\n  got:      ever"),
        ({"adjust": ("size", "status")}, "An adjustment is one of size, plan, intensity.\n  got:      status"),
    ],
)
def test_what_cannot_be_asked_is_refused(world: tuple[Marts, dict], options: dict, message: str) -> None:
    asked = {"feature": "a", "lag": 3, "outcome": "churned"} | options
    with pytest.raises(SettingsError) as refused:
        risk.feature_cells(world[0], **asked)
    assert str(refused.value) == message


def test_without_use_by_feature_there_is_nothing_to_look_back_on(tmp_path) -> None:
    marts = build_marts(tmp_path, as_of="2023-12-31", subscriptions=[row("a", "2023-01-01"), row("b", "2023-01-01")])
    with pytest.raises(SettingsError, match="Use by feature is not recorded"):
        risk.lagged_use(marts, feature="export", lag=3)


def test_many_possible_cells_are_counted_like_few(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(2)
    codes = {name: chance.integers(0, size, 500) for name, size in (("x", 7), ("y", 3), ("z", 90))}
    levels = {"x": range(7), "y": ("p", "q", "r"), "z": range(90)}
    left = chance.random(500) < 0.3
    few = lookback.count(codes, levels, {"left": left})
    monkeypatch.setattr(lookback, "_MOST_CELLS", 10)
    pd.testing.assert_frame_equal(lookback.count(codes, levels, {"left": left}), few)
    frame = pd.DataFrame(codes).assign(y=np.array(levels["y"])[codes["y"]], at_risk=1, left=left.astype(int))
    pd.testing.assert_frame_equal(few, frame.groupby(["x", "y", "z"], as_index=False)[["at_risk", "left"]].sum())
