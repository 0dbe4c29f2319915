"""Use while accounts were customers: by month, by feature, and when a feature was adopted."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pandas as pd
import pytest

from customer_value.intake import load
from customer_value.marts import Marts, build
from customer_value.marts.dates import close_of_month, first_of_month, months_between
from marts_fixtures import build_marts
from marts_reference import carried, daily_mrr, random_rows

AS_OF = date(2024, 6, 30)
FIRST = date(2022, 1, 1)


def row(name: str, start: str, end: str | None = None, mrr: float = 100, **more: object) -> dict[str, object]:
    return {"customer_id": name, "start_date": start, "end_date": end, "mrr": mrr, **more}


def act(name: str, when: str, feature: str = "export", user: str | None = None) -> dict[str, object]:
    return {"customer_id": name, "event_time": when, "feature": feature, "user_id": user}


def summed(name: str, month: str, feature: str = "export", events: int = 1, **more: object) -> dict[str, object]:
    return {"customer_id": name, "month": month, "feature": feature, "events": events, **more}


def rows(marts: Marts, name: str, *columns: str) -> list[tuple[object, ...]]:
    """The chosen columns of a mart, months as YYYY-MM."""
    found = marts.table(name).to_pyarrow().to_pylist()
    return [tuple(f"{r[c]:%Y-%m}" if isinstance(r[c], date) else r[c] for c in columns) for r in found]


MONTHLY = ("customer_id", "month", "exposed_days", "events", "active_days", "users", "features")


def test_events_are_counted_by_calendar_month_with_distinct_days_and_users(tmp_path) -> None:
    marts = build_marts(
        tmp_path,
        as_of="2024-03-31",
        subscriptions=[row("a", "2024-01-10"), row("b", "2024-02-05", "2024-03-02")],
        further={
            "usage_events": [
                act("a", "2024-01-31 23:59:59", user="x"),
                act("a", "2024-02-01 00:00:00", user="x"),
                act("a", "2024-02-01 08:00:00", user="y"),
                act("a", "2024-02-01 08:00:00", "import", user="x"),
                act("a", "2024-02-29 23:59:59.5", user="x"),
                act("b", "2024-03-01 23:59:59", user="z"),
                act("a", "2024-03-31 23:59:59", user="x"),
            ]
        },
    )
    assert rows(marts, "usage_months", *MONTHLY) == [
        ("a", "2024-01", 22, 1, 1, 1, 1),
        ("a", "2024-02", 29, 4, 2, 2, 2),
        ("a", "2024-03", 31, 1, 1, 1, 1),
        ("b", "2024-02", 25, 0, 0, 0, 0),
        ("b", "2024-03", 1, 1, 1, 1, 1),
    ]
    assert rows(marts, "feature_months", "feature", "customer_id", "month", "events", "active_days", "users") == [
        ("export", "a", "2024-01", 1, 1, 1),
        ("export", "a", "2024-02", 3, 2, 2),
        ("export", "a", "2024-03", 1, 1, 1),
        ("export", "b", "2024-03", 1, 1, 1),
        ("import", "a", "2024-02", 1, 1, 1),
    ]
    assert rows(
        marts, "adoption", "feature", "customer_id", "first_used", "adopted_in", "months_used", "last_used"
    ) == [
        ("export", "a", "2024-01", "2024-02", 3, "2024-03"),
        ("export", "b", "2024-03", None, 1, "2024-03"),
        ("import", "a", "2024-02", None, 1, "2024-02"),
    ]
    assert marts.meta.usage_source == {"activity": "usage_events", "features": "usage_events"}
    assert (marts.meta.usage_from, marts.meta.usage_until) == (date(2024, 1, 1), date(2024, 3, 1))
    assert marts.meta.warnings == ()


def test_use_outside_a_life_is_counted_and_left_out(tmp_path) -> None:
    marts = build_marts(
        tmp_path,
        as_of="2024-06-30",
        subscriptions=[
            row("returns", "2024-01-10", "2024-02-10"),
            row("returns", "2024-04-20"),
            row("pauses", "2024-01-01", "2024-02-20"),
            row("pauses", "2024-03-10"),
            row("first of month", "2024-01-01", "2024-03-01"),
            row("free", "2024-01-01", mrr=0),
        ],
        further={
            "usage_events": [
                act("returns", "2024-01-09 23:59:59"),
                act("returns", "2024-01-10 00:00:00"),
                act("returns", "2024-02-09 23:59:59"),
                act("returns", "2024-02-10 00:00:00"),
                act("returns", "2024-04-19 12:00:00"),
                act("returns", "2024-04-20 12:00:00"),
                act("pauses", "2024-03-05 12:00:00"),
                act("first of month", "2024-02-29 23:00:00"),
                act("first of month", "2024-03-01 01:00:00"),
                act("free", "2024-03-01 12:00:00"),
                act("pauses", "2024-06-30 12:00:00"),
            ]
        },
    )
    used = [r for r in rows(marts, "usage_months", "customer_id", "month", "exposed_days", "events") if r[3]]
    assert used == [
        ("first of month", "2024-02", 29, 1),
        ("pauses", "2024-03", 31, 1),
        ("pauses", "2024-06", 30, 1),
        ("returns", "2024-01", 22, 1),
        ("returns", "2024-02", 9, 1),
        ("returns", "2024-04", 11, 1),
    ]
    assert ("returns", "2024-03") not in rows(marts, "usage_months", "customer_id", "month")
    assert ("first of month", "2024-03") not in rows(marts, "usage_months", "customer_id", "month")
    assert "free" not in {name for (name,) in rows(marts, "usage_months", "customer_id")}
    assert (
        "Use recorded while the account was no customer (before its first paid day, after its end, or in between): "
        "5 of 11 events in usage_events. It is not used."
    ) in marts.meta.warnings


def test_sums_outside_a_life_are_those_of_months_without_a_day_as_a_customer(tmp_path) -> None:
    marts = build_marts(
        tmp_path,
        as_of="2024-04-30",
        subscriptions=[row("a", "2024-01-31", "2024-03-01"), row("b", "2024-01-01")],
        further={
            "feature_usage_monthly": [
                summed("a", "2023-12-01"),
                summed("a", "2024-01-15"),
                summed("a", "2024-03-01"),
                # A sum of nothing is no use that was lost.
                summed("a", "2024-04-01", events=0),
                summed("b", "2024-04-01"),
            ]
        },
    )
    assert rows(marts, "feature_months", "customer_id", "month") == [("a", "2024-01"), ("b", "2024-04")]
    assert any("2 of 4 monthly sums in feature_usage_monthly" in said for said in marts.meta.warnings)


BOTH = {
    "usage_events": [act("a", "2024-01-05 10:00", user="x"), act("a", "2024-02-05 10:00", user="x")],
    "feature_usage_monthly": [
        summed("a", "2024-01-01", events=10, active_days=4, users=2),
        summed("a", "2024-02-01", events=7, active_days=2, users=1),
        summed("a", "2024-02-01", "import", events=5, active_days=3, users=2),
    ],
    "activity_monthly": [
        {"customer_id": "a", "month": "2024-01-01", "events": 100, "active_days": 9, "users": 3},
        {"customer_id": "a", "month": "2024-02-01", "events": 200, "active_days": 8, "users": 3},
    ],
}


@pytest.mark.parametrize(
    ("tables", "activity", "february", "features"),
    [
        (("usage_events",), "usage_events", (1, 1, 1, 1), "usage_events"),
        (("feature_usage_monthly",), "feature_usage_monthly", (12, None, None, 2), "feature_usage_monthly"),
        (("activity_monthly",), "activity_monthly", (200, 8, 3, None), None),
        (("usage_events", "feature_usage_monthly"), "usage_events", (1, 1, 1, 2), "feature_usage_monthly"),
        (("usage_events", "activity_monthly"), "activity_monthly", (200, 8, 3, 1), "usage_events"),
        (("feature_usage_monthly", "activity_monthly"), "activity_monthly", (200, 8, 3, 2), "feature_usage_monthly"),
        (tuple(BOTH), "activity_monthly", (200, 8, 3, 2), "feature_usage_monthly"),
    ],
)
def test_each_question_is_answered_by_one_source_and_nothing_counts_twice(
    tmp_path, tables: Sequence[str], activity: str, february: tuple[object, ...], features: str | None
) -> None:
    marts = build_marts(
        tmp_path,
        as_of="2024-02-29",
        subscriptions=[row("a", "2024-01-01"), row("b", "2024-01-01")],
        further={name: BOTH[name] for name in tables},
    )
    found = rows(marts, "usage_months", *MONTHLY)
    assert found[1] == ("a", "2024-02", 29, *february)
    # Who is nowhere in the tables of use used nothing; what the source cannot tell of anybody stays unknown.
    assert found[3] == ("b", "2024-02", 29, *(None if cell is None else 0 for cell in february))
    assert marts.meta.usage_source == {"activity": activity, **({"features": features} if features else {})}
    assert marts.has("feature_months") == marts.has("adoption") == (features is not None)
    by_feature = {"usage_events": 1, "feature_usage_monthly": 12, None: None}[features]
    if features:
        used = marts.frame("feature_months")
        assert used[used["month"] == "2024-02-01"]["events"].sum() == by_feature


def test_what_coarser_data_cannot_tell_is_said(tmp_path) -> None:
    def said(name: str, **tables: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
        world = build_marts(tmp_path / name, as_of="2024-02-29", subscriptions=[row("a", "2024-01-01")], further=tables)
        return world.meta.warnings

    sums = [summed("a", "2024-01-01"), summed("a", "2024-02-01")]
    assert said("sums", feature_usage_monthly=sums) == (
        "Of all use together feature_usage_monthly does not tell active days and users.",
    )
    assert said("all", **BOTH) == (
        "Use is read from activity_monthly and feature_usage_monthly, not from usage_events as well.",
    )
    assert said("activity", activity_monthly=BOTH["activity_monthly"]) == (
        "activity_monthly sums all use together: nothing is known about single features.",
    )
    assert said("late", feature_usage_monthly=sums[1:]) == (
        "Of all use together feature_usage_monthly does not tell active days and users.",
        "feature_usage_monthly begins in February 2024: use before that month is not known.",
    )
    assert said("nobody", usage_events=[act("b", "2024-01-05")]) == (
        "Use recorded while the account was no customer (before its first paid day, after its end, or in between): "
        "1 of 1 events in usage_events. It is not used.",
        "No use is recorded while an account was a customer.",
    )


def test_months_before_and_after_the_recording_are_unknown_not_empty(tmp_path) -> None:
    marts = build_marts(
        tmp_path,
        as_of="2024-06-30",
        subscriptions=[row("a", "2023-01-01"), row("b", "2023-01-01")],
        further={
            "activity_monthly": [
                {"customer_id": "a", "month": "2024-01-01", "events": 5},
                # Nothing was used, but it was recorded.
                {"customer_id": "a", "month": "2024-05-01", "events": 0},
            ],
            "feature_usage_monthly": [summed("a", "2024-03-01"), summed("a", "2024-04-01")],
        },
    )
    assert (marts.meta.usage_from, marts.meta.usage_until) == (date(2024, 1, 1), date(2024, 5, 1))
    assert (marts.meta.features_from, marts.meta.features_until) == (date(2024, 3, 1), date(2024, 4, 1))
    assert [r[1:] for r in rows(marts, "usage_months", *MONTHLY) if r[0] == "b"] == [
        ("2024-01", 31, 0, None, None, None),
        ("2024-02", 29, 0, None, None, None),
        ("2024-03", 31, 0, None, None, 0),
        ("2024-04", 30, 0, None, None, 0),
        ("2024-05", 31, 0, None, None, None),
    ]
    assert (
        "activity_monthly ends in May 2024: use after that is not known, and is not taken for none."
        in marts.meta.warnings
    )


def test_a_month_that_has_not_passed_is_neither_used_nor_lost(tmp_path) -> None:
    marts = build_marts(
        tmp_path,
        as_of="2024-03-15",
        subscriptions=[row("a", "2024-01-01")],
        further={"usage_events": [act("a", "2024-02-05"), act("a", "2024-03-05"), act("a", "2024-02-06")]},
    )
    assert rows(marts, "usage_months", "month", "events") == [("2024-02", 2)]
    assert not any("no customer" in said for said in marts.meta.warnings)


def test_days_at_the_clock_change_and_events_without_a_user(tmp_path) -> None:
    marts = build_marts(
        tmp_path,
        as_of="2024-03-31",
        subscriptions=[row("a", "2024-03-01"), row("b", "2024-03-01")],
        further={"usage_events": [act("a", "2024-03-31 02:30:00", user="x"), act("b", "2024-03-31 02:30:00")]},
    )
    # Of an account whose events name nobody it is not known how many used it.
    assert rows(marts, "usage_months", *MONTHLY) == [
        ("a", "2024-03", 31, 1, 1, 1, 1),
        ("b", "2024-03", 31, 1, 1, None, 1),
    ]


def random_events(
    seed: int, lives: Mapping[str, Sequence[Mapping[str, object]]], *, first: date, last: date
) -> list[dict[str, object]]:
    chance = random.Random(seed)
    events = []
    for name in [*lives, "never a customer"]:
        for _ in range(chance.choice([0, 3, 40, 120])):
            day = first + timedelta(days=chance.randrange((last - first).days + 20))
            hour = chance.choice([time(0), time(12, 30), time(23, 59, 59)])
            events.append(
                {
                    "customer_id": name,
                    "event_time": datetime.combine(day, hour),
                    "feature": chance.choice(["a", "a", "b", "c"]),
                    "user_id": chance.choice(["x", "y", "z"]),
                }
            )
    return events


@pytest.fixture(scope="module")
def lives() -> dict[str, list[dict[str, object]]]:
    return random_rows(11, accounts=60, first=FIRST, last=AS_OF)


@pytest.fixture(scope="module")
def random_world(
    tmp_path_factory: pytest.TempPathFactory, lives: Mapping[str, Sequence[Mapping[str, object]]]
) -> tuple[Marts, list[dict[str, object]]]:
    # Recording begins a year after the data do.
    events = random_events(3, lives, first=date(2023, 1, 1), last=AS_OF)
    marts = build_marts(
        tmp_path_factory.mktemp("random"),
        as_of=AS_OF,
        observed_from="2021-12-31",
        subscriptions=[{"customer_id": name, **held} for name, several in lives.items() for held in several],
        further={"usage_events": events},
    )
    return marts, events


def test_use_agrees_with_living_through_every_day(
    random_world: tuple[Marts, list[dict[str, object]]], lives: Mapping[str, Sequence[Mapping[str, object]]]
) -> None:
    marts, events = random_world
    paid = {name: set(carried(daily_mrr(held, first=FIRST, last=AS_OF), grace_days=31)) for name, held in lives.items()}
    inside = [
        (e["customer_id"], e["event_time"].date(), e["feature"], e["user_id"])
        for e in events
        if e["event_time"].date() in paid.get(e["customer_id"], ())
    ]
    outside = sum(e["event_time"].date() <= AS_OF for e in events) - len(inside)
    assert outside > 100
    assert any(f"{outside:,} of" in said for said in marts.meta.warnings)
    start = first_of_month(min(day for _, day, *_ in inside))
    assert marts.meta.usage_from == start
    expected = []
    for name, days in sorted(paid.items()):
        for month in months_between(start, AS_OF):
            exposed = [day for day in days if month <= day <= close_of_month(month)]
            mine = [e for e in inside if e[0] == name and month <= e[1] <= close_of_month(month)]
            if exposed:
                counted = (len(mine), *(len({e[part] for e in mine}) for part in (1, 3, 2)))
                expected.append((name, f"{month:%Y-%m}", len(exposed), *counted))
    assert rows(marts, "usage_months", *MONTHLY) == expected

    by_feature = defaultdict(list)
    for name, day, feature, user in inside:
        by_feature[feature, name, f"{day:%Y-%m}"].append((day, user))
    assert rows(marts, "feature_months", "feature", "customer_id", "month", "events", "active_days", "users") == [
        (*key, len(uses), len({day for day, _ in uses}), len({user for _, user in uses}))
        for key, uses in sorted(by_feature.items())
    ]
    months = defaultdict(list)
    for feature, name, month in sorted(by_feature):
        months[feature, name].append(month)
    assert rows(
        marts, "adoption", "feature", "customer_id", "first_used", "adopted_in", "months_used", "last_used"
    ) == [
        (*key, used[0], used[1] if len(used) > 1 else None, len(used), used[-1]) for key, used in sorted(months.items())
    ]


def test_sums_of_the_same_events_give_the_same_marts(
    random_world: tuple[Marts, list[dict[str, object]]],
    lives: Mapping[str, Sequence[Mapping[str, object]]],
    tmp_path,
) -> None:
    """Summed within the lives by pandas and brought as sums, the same use gives the same marts."""
    marts, _ = random_world
    again = build_marts(
        tmp_path,
        as_of=AS_OF,
        observed_from="2021-12-31",
        subscriptions=[{"customer_id": name, **held} for name, several in lives.items() for held in several],
        further={
            "feature_usage_monthly": marts.table("feature_months").to_pyarrow().to_pylist(),
            "activity_monthly": [
                {name: r[name] for name in ("customer_id", "month", "events", "active_days", "users")}
                for r in marts.table("usage_months").to_pyarrow().to_pylist()
                if r["events"]
            ],
        },
    )
    for name in ("usage_months", "feature_months", "adoption"):
        pd.testing.assert_frame_equal(again.frame(name), marts.frame(name))


def test_neither_a_future_nor_the_order_of_rows_matters(tmp_path) -> None:
    held = [row("a", "2023-01-01"), row("b", "2023-03-10", "2024-01-01"), row("c", "2024-01-05", "2024-01-20")]
    events = [
        act(name, f"2023-{month:02d}-{day:02d} 12:00:00", feature, user)
        for name in "abc"
        for month in range(3, 13)
        for day, feature, user in ((1, "x", "u"), (1, "x", "v"), (28, "y", "u"))
    ]
    sums = [summed("a", "2023-12-15", "x", 3), summed("b", "2023-12-15", "x", 2)]

    def bytes_of(name: str, events: list, sums: list, held: list) -> dict[str, bytes]:
        world = build_marts(
            tmp_path / name,
            as_of="2023-12-31",
            subscriptions=held,
            further={"usage_events": events, "feature_usage_monthly": sums},
        )
        return {file.name: file.read_bytes() for file in sorted(world.folder.iterdir())}

    expected = bytes_of("now", events, sums, held)
    later = [act("a", "2024-01-01 00:00:00"), act("b", "2024-05-05")], [summed("a", "2024-01-01", "z", 9)]
    assert bytes_of("later", events + later[0], sums + later[1], held) == expected
    assert bytes_of("turned", events[::-1], sums[::-1], held[::-1]) == expected


def test_the_crm_export_counts_as_in_its_own_files(root: Path, shared: Path, tmp_path) -> None:
    load(shared / "crm", mapping=root / "data/mappings/crm.yml", out=tmp_path / "tables", grace_days=31)
    marts = build(tmp_path / "tables", tmp_path / "marts", grace_days=31)
    raw = pd.read_csv(shared / "crm/event_monthly.csv.gz", parse_dates=["month"])
    # The month after the as-of day is in the files and nowhere in the marts.
    assert raw["month"].max() == pd.Timestamp("2024-01-01")
    raw = raw[raw["month"] < "2024-01-01"]
    assert marts.meta.usage_until == marts.meta.features_until == date(2023, 12, 1)
    # Nobody in this export uses anything while no customer.
    assert not any("no customer" in said for said in marts.meta.warnings)
    used = raw[raw["n_events"] > 0]
    got = marts.frame("feature_months")
    assert (len(got), got["events"].sum()) == (len(used), used["n_events"].sum())
    by_feature = used.groupby("event_type_name")["n_events"].agg(["size", "sum"])
    pd.testing.assert_frame_equal(
        got.groupby("feature")["events"].agg(["size", "sum"]), by_feature, check_dtype=False, check_names=False
    )
    every = pd.read_csv(shared / "crm/usage_monthly.csv.gz", parse_dates=["month"]).query("month < '2024-01-01'")
    months = marts.frame("usage_months")
    assert [months[name].sum() for name in ("events", "active_days", "users")] == [
        every[name].sum() for name in ("n_events", "n_days", "n_users")
    ]
    assert months["feature_events"].sum() == used["n_events"].sum()


def test_accounts_without_terms_and_tables_of_tenures(tmp_path) -> None:
    snapshots = build_marts(
        tmp_path / "snapshots",
        as_of="2024-03-31",
        shape="snapshots",
        subscriptions=[row("a", "2024-01-01"), row("b", "2024-01-01", "2024-03-01")],
        further={"usage_events": [act("a", "2024-02-05"), act("b", "2024-03-05"), act("a", "2024-03-05")]},
    )
    assert rows(snapshots, "usage_months", "customer_id", "month", "events") == [
        ("a", "2024-02", 1),
        ("a", "2024-03", 1),
        ("b", "2024-02", 0),
    ]
    flat = build_marts(tmp_path / "flat", flat=[{"customer_id": "a", "tenure": 3, "churned": False}])
    assert not flat.has("usage_months")
    assert flat.meta.usage_from is None
