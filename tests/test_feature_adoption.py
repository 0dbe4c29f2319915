"""Features: how far they have spread, on a few hand-made accounts, and odd data through the whole chapter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from customer_value.strategy.answers import feature_adoption as answers
from customer_value.strategy.decisions import decide
from customer_value.strategy.established import feature_adoption as established
from customer_value.strategy.wording import Words
from customer_value.studies import feature_adoption, feature_links, feature_verdicts
from marts_fixtures import build_marts

WORDS = Words(currency="GBP")


def months(first: str, count: int) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in pd.date_range(first, periods=count, freq="MS")]


def uses(name: str, feature: str, *when: str, events: int = 3, **more: object) -> list[dict[str, object]]:
    return [{"customer_id": name, "month": month, "feature": feature, "events": events, **more} for month in when]


def held(name: str, start: str = "2023-01-01", end: str | None = None, **more: object) -> dict[str, object]:
    return {"customer_id": name, "start_date": start, "end_date": end, "billing_months": 1, **more}


def few(folder, subscriptions, used, **more):
    return build_marts(
        folder,
        subscriptions=subscriptions,
        as_of="2024-06-30",
        observed_from="2022-12-31",
        further={"feature_usage_monthly": used},
        **more,
    )


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """Two that adopt export, one that tries it once, one that left; one more that comes in the last month."""
    subscriptions = [
        held("a", quantity=10, unit="seats"),
        held("b", quantity=5, unit="seats"),
        held("c"),
        held("left", end="2023-09-10"),
        held("late", start="2024-06-01"),
    ]
    used = [
        *uses("a", "export", *months("2023-02-01", 17), events=30, users=4),
        *uses("b", "export", *months("2023-05-01", 4), users=9),
        *uses("c", "export", "2024-05-01"),
        *uses("left", "export", *months("2023-02-01", 3)),
        *uses("c", "api", *months("2023-01-01", 18)),
    ]
    return few(tmp_path_factory.mktemp("four"), subscriptions, used)


def test_adoption_is_defined_as_said(four) -> None:
    found = feature_adoption.adoption(four, min_group=1)
    export = found.where(feature="export").table.set_index("metric")
    # Active at the end of June 2024: a, b, c, late.
    assert export.loc["used", ["estimate", "n", "events"]].tolist() == [0.75, 4, 3]
    assert export.loc["adopted", "estimate"] == 0.5  # c used it in one month only
    assert export.loc["using", "events"] == 2  # a and c in April to June; b stopped in August
    assert export.loc["adopted_aged", ["estimate", "n"]].tolist() == [pytest.approx(2 / 3), 3]  # late is too young
    assert export.loc["continued", ["estimate", "n"]].tolist() == [0.5, 2]  # of a and b, a goes on
    # In April to June, 91 days: a used it 90 times, c 3 times.
    assert export.loc["depth", "estimate"] == pytest.approx(93 / 182)
    # In June a has 4 users of 10 seats, b none of 5.
    assert export.loc["licences", "estimate"] == pytest.approx(4 / 15)
    # Two of the four followed to their third month have adopted by then; the late one is followed for one month.
    assert export.loc["months_to_adopt", ["estimate", "n", "events"]].tolist() == [3, 5, 3]


def test_all_features_together(four) -> None:
    everything = feature_adoption.adoption(four, min_group=1).where(feature=feature_adoption.ALL).table
    everything = everything.set_index("metric")
    assert everything.loc["using", "events"] == 2
    assert everything.loc["breadth", "estimate"] == pytest.approx(3 / 4)  # a one, c two, b and late none


def test_small_groups_show_their_size_only(four) -> None:
    found = feature_adoption.adoption(four).table
    assert found["estimate"].isna().all()
    assert found.loc[(found["feature"] == "export") & (found["metric"] == "used"), "n"].item() == 4


@pytest.mark.parametrize(("shared", "pairs"), [(10, [("one", "two")]), (8, [])])
def test_features_used_by_the_same_accounts_are_named(shared: int, pairs: list[tuple[str, str]]) -> None:
    rows = [(f"c{i}", "one") for i in range(10)] + [(f"c{i}", "two") for i in range(shared)]
    rows += [(f"c{i}", "all") for i in range(20)]
    recent = pd.DataFrame(rows, columns=["customer_id", "feature"])
    assert feature_adoption.alike(recent, ["one", "two", "all"], of=20) == pairs


# --- odd data -------------------------------------------------------------------------------------------------------


def all_of(marts):
    """The whole chapter's reckoning and words, as its notebook runs them."""
    adjust = feature_links.adjustments(marts)
    adoption = feature_adoption.adoption(marts)
    naive, landmark = feature_links.naive(marts, adjust=adjust), feature_links.landmark(marts, adjust=adjust)
    lagged = feature_links.lagged(marts, adjust=adjust)
    verdicts = feature_verdicts.verdicts(lagged, landmark, adoption)
    said = [
        answers.who(adoption, lagged, words=WORDS),
        answers.headline(verdicts, words=WORDS),
        answers.detail(verdicts, lagged, words=WORDS),
        answers.errors(naive, landmark, lagged, words=WORDS),
        answers.missing_lags(lagged, words=WORDS),
        answers.health(lagged, verdicts, words=WORDS),
        answers.adoption_caption(adoption, words=WORDS),
        answers.spread_caption(adoption, words=WORDS),
    ]
    for outcome in ("leaving", "expansion"):
        drawn = answers.to_draw(naive, landmark, lagged, verdicts, outcome=outcome)
        by_lag = answers.lags_to_draw(lagged, verdicts, outcome=outcome)
        said.append(answers.drawn_caption(drawn, outcome=outcome, words=WORDS))
        said.append(answers.lags_caption(by_lag, lagged, outcome=outcome, words=WORDS))
    answers.verdict_page(verdicts, words=WORDS)
    answers.adoption_columns(answers.adoption_page(adoption))
    found = established.links(lagged, landmark, verdicts)
    assert all("nan" not in text for text in said)
    assert not decide(found).ranked
    return verdicts, " ".join(said)


def many(n: int, **more: object) -> list[dict[str, object]]:
    return [held(f"c{i:03d}", end="2024-03-15" if i % 6 == 0 else None, mrr=50 + i, **more) for i in range(n)]


def test_no_use_by_feature_is_said(tmp_path) -> None:
    verdicts, said = all_of(build_marts(tmp_path, subscriptions=many(40), as_of="2024-06-30"))
    assert verdicts.table.empty
    assert "No feature is used by any account" in said


def test_few_accounts_get_counts_and_no_verdict(tmp_path) -> None:
    used = [row for i in range(12) for row in uses(f"c{i:03d}", "export", *months("2023-03-01", 10))]
    verdicts, said = all_of(few(tmp_path, many(20), used))
    assert verdicts.row(feature="export")["verdict"] == feature_verdicts.TOO_LITTLE
    assert "Too little evidence" in said


def test_months_too_few_for_the_longest_lag_are_said(tmp_path) -> None:
    used = [row for i in range(0, 80, 2) for row in uses(f"c{i:03d}", "export", *months("2024-01-01", 5))]
    verdicts, said = all_of(few(tmp_path, many(80), used))
    assert "6 months before" in said
    assert verdicts.row(feature="export")["verdict"] == feature_verdicts.TOO_LITTLE


def test_what_everybody_uses_every_month_is_table_stakes(tmp_path) -> None:
    used = [row for i in range(80) for row in uses(f"c{i:03d}", "export", *months("2023-01-01", 18))]
    verdicts, _ = all_of(few(tmp_path, many(80), used))
    assert verdicts.row(feature="export")["verdict"] == feature_verdicts.TABLE_STAKES


def test_identical_features_get_the_same_estimate_and_are_named(tmp_path) -> None:
    used = [
        row
        for i in range(0, 80, 2)
        for feature in ("one", "two")
        for row in uses(f"c{i:03d}", feature, *months("2023-03-01", 16))
    ]
    marts = few(tmp_path, many(80), used)
    verdicts, _ = all_of(marts)
    one, two = (verdicts.row(feature=name)["estimate"] for name in ("one", "two"))
    assert one == two or (np.isnan(one) and np.isnan(two))
    assert any("“one” and “two”" in note for note in feature_adoption.adoption(marts).notes)


@pytest.mark.parametrize(
    "rows",
    [
        [held(f"c{i:03d}", mrr=50 + i) for i in range(80)],
        [held(f"c{i:03d}", start="2023-09-01", billing_months=12) for i in range(80)],
        [held(f"c{i:03d}", billing_months=None, end="2024-03-15" if i % 5 == 0 else None) for i in range(80)],
    ],
    ids=["nobody left", "no term came due", "no terms stated"],
)
def test_without_what_a_comparison_needs_nothing_is_claimed(tmp_path, rows) -> None:
    used = [row for i in range(0, 80, 2) for row in uses(f"c{i:03d}", "export", *months("2023-10-01", 9))]
    verdicts, _ = all_of(few(tmp_path, rows, used))
    assert not verdicts.row(feature="export")["verdict"].startswith("linked")
