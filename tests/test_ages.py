"""Accounts laid side by side from two marts are those that a join by their ids gives."""

from __future__ import annotations

import pandas as pd

from customer_value.marts.ages import followed
from marts_fixtures import build_marts


def test_rows_are_those_of_a_join(tmp_path) -> None:
    starts = pd.date_range("2021-06-03", "2024-05-20", periods=60)
    rows = [
        {
            "customer_id": f"c{(place * 37) % 60:02}",
            "start_date": str(start.date()),
            "end_date": str((start + pd.DateOffset(days=90 + 7 * place)).date()) if place % 3 else None,
            "end_kind": ("voluntary", "involuntary", None)[place % 3],
            "mrr": 10 + place,
        }
        for place, start in enumerate(starts)
    ]
    # Some return, so that an account has two spells; some were there before the data begin, and their age is unknown.
    rows += [{"customer_id": row["customer_id"], "start_date": "2024-06-15"} for row in rows[1:9:3]]
    marts = build_marts(tmp_path, as_of="2024-06-30", observed_from="2021-12-31", subscriptions=rows)
    spells, accounts = marts.frame("spells"), marts.frame("accounts")
    first = spells[(spells["spell"] == 1) & spells["entry_month"].notna() & spells["exit_month"].notna()]
    assert len(first) < len(accounts)
    joined = first.merge(accounts[["customer_id", "first_mrr", "first_plan"]], on="customer_id").sort_values(
        "customer_id"
    )
    age = [
        max(place for place in range(60) if origin + pd.DateOffset(months=place) <= pd.Timestamp("2024-06-30"))
        for origin in joined["origin_date"]
    ]
    for column in ("first_mrr", "first_plan"):
        table = followed(marts, column)
        assert table["value"].tolist() == joined[column].tolist()
        assert table["exit"].tolist() == joined["exit_month"].tolist()
        assert table["event"].tolist() == joined["event_month"].tolist()
        assert table["followed_to"].tolist() == [max(*pair) for pair in zip(age, joined["exit_month"], strict=True)]
        assert table["end_kind"].astype(object).fillna("").tolist() == joined["end_kind"].fillna("").tolist()
    assert followed(marts).columns.tolist() == ["entry", "exit", "event", "followed_to", "end_kind"]
