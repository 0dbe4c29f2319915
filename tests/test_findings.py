"""Findings: what a record must say, its sentence, and its way to disk and back."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from customer_value.errors import ChapterError
from customer_value.strategy import findings
from customer_value.strategy.findings import Finding, identifier
from customer_value.strategy.wording import Words

WORDS = Words(currency="GBP")


def contrast(**changes: object) -> Finding:
    values = {
        "id": "plan-basic-grr",
        "chapter": "segments",
        "kind": "association",
        "area": "pricing_packaging",
        "subject": "plan Basic",
        "metric": "grr",
        "segment": "plan = Basic",
        "direction": "lower",
        "estimate": -0.081,
        "low": -0.12,
        "high": -0.042,
        "unit": "points",
        "n": 340,
        "p": 0.001,
        "design": "C",
    }
    return Finding(**values | changes)


def test_a_contrast_says_linked_and_never_drives() -> None:
    assert contrast().statement(WORDS) == (
        "Accounts with plan “Basic” show lower gross revenue retention: 8.1 percentage points below the other accounts "
        "(4.2 to 12.0; 340 accounts)."
    )
    higher = contrast(direction="higher", estimate=0.05, low=0.01, high=0.09, metric="nrr")
    assert "show higher net revenue retention: 5 percentage points above" in higher.statement(WORDS)


def test_no_clear_difference_says_how_far_it_could_go() -> None:
    unclear = contrast(direction="none", estimate=-0.01, low=-0.04, high=0.02, p=0.5)
    assert unclear.statement(WORDS) == (
        "No clear difference in gross revenue retention between accounts with plan “Basic” (340 accounts) and the "
        "other accounts; it could be anything from 4.0 percentage points lower to 2.0 higher."
    )


def test_other_kinds_of_statement() -> None:
    fact = Finding(
        id="x", chapter="revenue", kind="fact", subject="revenue lost to failed payments", money=123_456, n=1,
        money_period="in the last 12 months",
    )  # fmt: skip
    assert fact.statement(WORDS) == "Revenue lost to failed payments: £123k in the last 12 months, 1 account."
    share = Finding(
        id="x", chapter="revenue", kind="estimate", subject="net revenue retention", estimate=0.94, low=0.91, high=0.97,
        unit="share", n=664,
    )  # fmt: skip
    assert share.statement(WORDS) == "Net revenue retention: 94% (91 to 97%), 664 accounts."
    absent = Finding(id="x", chapter="nps", kind="not_studied", subject="NPS by plan", needs=["nps_responses", "plans"])
    assert absent.statement(WORDS) == "Not studied: NPS by plan. It needs `nps_responses` and `plans`."
    either = absent.model_copy(update={"needs": ("subscriptions", "usage_events or feature_usage_monthly")})
    assert either.statement(WORDS).endswith(
        "It needs `subscriptions` and either `usage_events` or `feature_usage_monthly`."
    )
    small = contrast(shown=False, p=None, estimate=None, low=None, high=None, n=12)
    assert small.statement(WORDS) == "Accounts with plan “Basic”: too few to show (12 accounts)."
    hazard = contrast(estimate=0.7, low=0.5, high=0.9, unit="ratio")
    assert "0.70 times that of the other accounts (0.50 to 0.90; 340 accounts)" in hazard.statement(WORDS)


def test_names_from_the_data_are_escaped() -> None:
    statement = contrast(segment="plan = <script>", compared_with="*all*").statement(WORDS)
    assert "<" not in statement
    assert "*" not in statement


@given(
    direction=st.sampled_from(["higher", "lower", "none", "unknown"]),
    unit=st.sampled_from(["share", "money", "count", "months", "ratio", "points"]),
    estimate=st.none() | st.floats(-10, 10),
    n=st.none() | st.integers(0, 1000),
    interval=st.booleans(),
    kind=st.sampled_from(["fact", "estimate", "association"]),
)
def test_every_statement_is_a_sentence(direction, unit, estimate, n, interval, kind) -> None:
    ends = (
        {"low": estimate - 1, "high": estimate + 1}
        if interval and estimate is not None
        else {"low": None, "high": None}
    )
    statement = contrast(direction=direction, unit=unit, estimate=estimate, n=n, kind=kind, **ends).statement(WORDS)
    assert statement[0].isupper()
    assert statement.endswith(".")
    assert "None" not in statement
    assert "nan" not in statement
    assert "  " not in statement


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "plan-2"}, "without digits"),
        ({"unit": None}, "no unit"),
        ({"unit": "furlongs"}, "unit"),
        ({"area": "elsewhere"}, "area"),
        ({"p": None}, "needs p"),
        ({"design": None}, "needs its design"),
        ({"p": 1.2}, "less than or equal to 1"),
        ({"low": 0.2}, "upside down"),
        ({"kind": "not_studied"}, "which tables"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_a_record_that_breaks_a_rule_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        contrast(**changes)


def test_numpy_and_missing_numbers_are_taken() -> None:
    taken = contrast(n=np.int64(3), estimate=np.float64(-0.08), money=math.nan, series=None, needs=None)
    assert (taken.n, taken.estimate, taken.money, taken.series, taken.needs) == (3, -0.08, None, (), ())


def test_identifiers_have_no_digits_and_stay_apart() -> None:
    assert identifier("plan", "Basic", "grr") == "plan-Basic-grr"
    assert identifier("Tier 2") == "Tier-two"
    names = ["Tier 2", "Tier-2", "Tier/2", "tier 2", "日本", "中国", "£1–5k", "£1–6k", "<b>", ""]
    ids = [identifier("plan", name) for name in names]
    assert len(set(ids)) == len(ids)
    for each in ids:
        contrast(id=each)


def test_written_and_read_back_in_order(tmp_path: Path) -> None:
    records = [contrast(id="b", estimate=-1 / 12), contrast(id="a"), contrast(id="c", money=2.0, money_period="a year")]
    findings.write(tmp_path / "segments.json", records)
    first = (tmp_path / "segments.json").read_bytes()
    findings.write(tmp_path / "segments.json", records[::-1])
    assert (tmp_path / "segments.json").read_bytes() == first
    read = findings.read(tmp_path)
    assert [record.id for record in read] == ["a", "b", "c"]
    assert read[1].estimate == -0.08333333333
    assert read[2] == records[2]
    assert findings.read(tmp_path / "nowhere") == []


def test_two_findings_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two findings have the id 'a'"):
        findings.write(tmp_path / "x.json", [contrast(id="a"), contrast(id="a")])


@pytest.mark.parametrize("content", ["not json", "3", json.dumps([{"id": "a"}])])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "revenue.json").write_text(content, encoding="utf-8")
    with pytest.raises(ChapterError, match=r"revenue\.json cannot be read"):
        findings.read(tmp_path)
