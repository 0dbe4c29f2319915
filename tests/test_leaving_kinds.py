"""In which way accounts leave, recounted by hand from the rows that went in, and said in words."""

from __future__ import annotations

import html

import pandas as pd
import pytest

from customer_value.stats import competing_risks
from customer_value.strategy.answers import hazards as answers
from customer_value.strategy.established import hazards as established
from customer_value.strategy.wording import Words
from customer_value.studies.cohort_survival import leaving_kinds as study
from marts_fixtures import build_marts

WORDS = Words(currency="GBP")
LABELS = {"region": "Region"}


def rows_of(lives: list[tuple[int | None, str | None, str]]) -> tuple[list[dict], list[dict]]:
    """Accounts of January 2023 by how long they stayed, in which way they left, and their region."""
    start = pd.Timestamp("2023-01-10")
    subscriptions, customers = [], []
    for place, (months, kind, region) in enumerate(lives):
        end = None if months is None else str((start + pd.DateOffset(months=months)).date())
        name = f"c{place:03}"
        subscriptions.append(
            {"customer_id": name, "start_date": str(start.date()), "end_date": end, "billing_months": 1,
             "end_kind": kind if end else None}
        )  # fmt: skip
        customers.append({"customer_id": name, "region": region})
    return subscriptions, customers


@pytest.fixture(scope="module")
def marts(tmp_path_factory):
    # Of a hundred in the north twenty leave by choice after three months and ten unwillingly after six; of a hundred in
    # the south forty leave by choice after three, and of two the data do not say how.
    lives = [(3, "voluntary", "north")] * 20 + [(6, "involuntary", "north")] * 10 + [(None, None, "north")] * 70
    lives += [(3, "voluntary", "south")] * 40 + [(6, None, "south")] * 2 + [(None, None, "south")] * 58
    subscriptions, customers = rows_of(lives)
    return build_marts(
        tmp_path_factory.mktemp("kinds"),
        as_of="2024-06-30",
        observed_from="2022-12-31",
        subscriptions=subscriptions,
        customers=customers,
        attributes={"region": {}},
    )


def test_shares_by_hand_add_up_to_all_who_left(marts) -> None:
    found = study.incidence(marts, horizon=12)
    at = found.table[found.table["age"] == 12].set_index("kind")["estimate"]
    assert at.to_dict() == pytest.approx({"voluntary": 0.30, "involuntary": 0.05, "kind not stated": 0.01})
    by_region = study.incidence(marts, by="region", horizon=12)
    assert by_region.row(level="north", kind="involuntary", age=6)["estimate"] == pytest.approx(0.10)
    assert by_region.row(level="south", kind="voluntary", age=3)["n"] == 100


def test_one_kind_alone_is_more_than_have_left_so(marts) -> None:
    alone = study.one_kind_alone(marts, age=12).table.set_index(["kind", "reckoned"])["estimate"]
    # Of the 140 left after three months ten end unwillingly at six: one in fourteen, of all one in twenty.
    assert alone["involuntary", "alone"] == pytest.approx(1 / 14)
    assert alone["involuntary", "counted"] == pytest.approx(1 / 20)
    said = answers.kinds(study.incidence(marts), study.one_kind_alone(marts, age=12), age=12, words=WORDS)
    assert "30% have left by choice and 5% against their will" in said
    assert "add up to 38.6% where 36.0% have left" in said


def test_groups_are_compared_once_and_recorded(marts) -> None:
    compared = study.compared(marts, by=["region"], age=12)
    row = compared.row(attribute="region", level="north", kind="voluntary")
    assert (row["group_share"], row["rest_share"]) == (pytest.approx(0.2), pytest.approx(0.4))
    assert row["low"] < row["estimate"] < row["high"] < 0
    # Two groups are one comparison, of either kind.
    assert len(compared.table) == 2
    counts = competing_risks.person_months(
        [0] * 200, [3] * 20 + [6] * 10 + [17] * 70 + [3] * 40 + [6] * 2 + [17] * 58,
        ["voluntary"] * 20 + ["involuntary"] * 10 + [None] * 70 + ["voluntary"] * 40 + ["other"] * 2 + [None] * 58,
        causes=["voluntary", "involuntary", "other"],
        groups=pd.DataFrame({"level": ["north"] * 100 + ["south"] * 100}),
    )  # fmt: skip
    assert row["gray_p"] == pytest.approx(competing_risks.gray(counts, ["level"], "voluntary").p)
    findings = established.kinds_compared(compared, age=12, labels=LABELS, words=WORDS)
    assert [(one.direction, one.design, one.action) for one in findings] == [
        ("lower", "C", "market_focus_higher"),
        ("higher", "C", "market_focus_lower"),
    ]
    assert "2 of 2 differences are clear" in answers.kinds_compared(compared, labels=LABELS, age=12, words=WORDS)


def test_where_kinds_are_never_stated_one_sentence_says_so(tmp_path) -> None:
    subscriptions, customers = rows_of([(3, None, "north")] * 40 + [(None, None, "south")] * 40)
    silent = build_marts(
        tmp_path, as_of="2024-06-30", observed_from="2022-12-31", subscriptions=subscriptions, customers=customers,
        attributes={"region": {}},
    )  # fmt: skip
    by_kind, alone = study.incidence(silent), study.one_kind_alone(silent)
    compared = study.compared(silent, by=["region"])
    assert by_kind.table.empty
    assert alone.table.empty
    assert compared.table.empty
    assert "`end_kind`" in answers.kinds(by_kind, alone, age=12, words=WORDS)
    assert answers.kinds_compared(compared, labels=LABELS, age=12, words=WORDS) == ""
    assert established.kinds(by_kind, age=12, words=WORDS) == []
    flat = build_marts(tmp_path / "flat", flat=[{"customer_id": "a", "tenure": 3, "churned": True}])
    assert study.incidence(flat).table.empty


def test_both_reckonings_start_at_the_same_age_where_accounts_come_into_view_late(tmp_path) -> None:
    # Two are seen from their sign-up and one of them leaves at once; all others come into view at six months of age.
    late = [{"customer_id": f"late{place:03}", "start_date": "2023-01-10", "billing_months": 1} for place in range(60)]
    ends = dict.fromkeys(range(12), ("2023-04-10", "voluntary")) | {12: ("2023-05-10", "involuntary")}
    for place, (end, kind) in ends.items():
        late[place] |= {"end_date": end, "end_kind": kind}
    early = [{"customer_id": f"new{place}", "start_date": "2023-01-10", "billing_months": 1} for place in range(2)]
    early[0] |= {"end_date": "2023-02-10", "end_kind": "voluntary"}
    seen = build_marts(
        tmp_path,
        as_of="2024-06-30",
        observed_from="2022-12-31",
        subscriptions=[*late, *early],
        customers=[
            {"customer_id": row["customer_id"], "signup_date": "2022-07-10" if row in late else "2023-01-10"}
            for row in [*late, *early]
        ],
    )
    curve, alone = study.incidence(seen, horizon=12), study.one_kind_alone(seen, age=12)
    assert set(alone.table["start"]) == {6}
    rows = alone.table.set_index(["kind", "reckoned"])["estimate"]
    # Nobody left the other way before they did, so that there is nothing to overstate.
    assert rows["voluntary", "alone"] == pytest.approx(rows["voluntary", "counted"])
    assert rows["voluntary", "counted"] == pytest.approx(12 / 61, abs=0.01)
    assert curve.row(kind="voluntary", age=6)["estimate"] == 0


def test_names_from_the_data_stay_text(marts) -> None:
    compared = study.compared(marts, by=["region"], age=12)
    table = compared.table.assign(level="<b>north</b>")
    said = answers.kinds_compared(compared.with_table(table), labels=LABELS, age=12, words=WORDS)
    assert "<b>" not in said
    assert "<b>north</b>" in html.unescape(said)
