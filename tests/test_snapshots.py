"""Monthly snapshots from file to figure: every number recounted from the table that a spreadsheet would hold."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from customer_value import intake, marts
from customer_value.errors import DataError
from customer_value.marts import Marts
from customer_value.studies import cohort_survival, revenue

MONTHS = [f"{2024 + place // 12}-{place % 12 + 1:02}" for place in range(15)]


def _grid() -> pd.DataFrame:
    """MRR by account and month, 0 where it is no customer."""
    grid = pd.DataFrame(0, index=[f"c{i:02}" for i in range(70)], columns=MONTHS)
    for i in range(40):  # there when the data begin; every fifth leaves after eight months, every seventh grows
        grid.iloc[i, : 8 if i % 5 == 0 else 15] = 100 + i
        if i % 7 == 1 and i % 5:
            grid.iloc[i, 10:15] = 150 + i
    for i in range(40, 70):  # begin in month 2 (May: index 4) or later; some leave after three months
        first = 2 + i % 5
        grid.iloc[i, first : first + 3 if i % 6 == 0 else 15] = 80
    grid.iloc[1, 5] = 0  # one month away: a pause within the usual grace
    grid.iloc[2, 5:8] = 0  # three months away: left and came back
    return grid


GRID = _grid()


def _marts(folder: Path, text: str, mapping: str | None) -> Marts:
    folder.mkdir(parents=True)
    (folder / "mrr_snapshots.csv").write_text(text, encoding="utf-8")
    if mapping:
        (folder / "m.yml").write_text(mapping, encoding="utf-8")
    loaded = intake.load(folder, mapping=folder / "m.yml" if mapping else None, out=folder / "out")
    assert (loaded.shape, loaded.as_of) == ("snapshots", date(2025, 3, 31))
    return marts.build(folder / "out", folder / "marts", grace_days=31)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Marts:
    rows = GRID.reset_index(names="customer_id").melt("customer_id", var_name="month", value_name="mrr")
    # Months without revenue are left out as a billing system would, or stand there as 0.
    rows = rows[(rows["mrr"] > 0) | (rows["customer_id"] == "c02")]
    return _marts(tmp_path_factory.mktemp("long") / "data", rows.to_csv(index=False), None)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Marts:
    mapping = """version: 1
tables:
  mrr_snapshots:
    from: mrr_snapshots
    columns: {customer_id: customer_id}
    wide: {format: '%Y-%m'}
"""
    text = GRID.replace(0, np.nan).to_csv(index_label="customer_id")
    return _marts(tmp_path_factory.mktemp("wide") / "data", text, mapping)


def test_long_and_wide_are_the_same_business(long: Marts, wide: Marts) -> None:
    for name in ("calendar_months", "spells", "accounts"):
        pd.testing.assert_frame_equal(long.frame(name), wide.frame(name))


def test_states_and_movements_are_the_grid(long: Marts) -> None:
    trend = revenue.arr_trend(long).where(metric="mrr").table.set_index("month")["estimate"]
    filled = GRID.astype(float)
    filled.iloc[1, 5] = filled.iloc[1, 4]  # the pause carries the last price
    assert trend.tolist() == filled.sum().tolist()[1:]
    moves = revenue.movements(long).table.pivot(index="month", columns="movement", values="estimate")
    step = filled.diff(axis=1).iloc[:, 1:]
    before, after = filled.iloc[:, :-1].to_numpy(), filled.iloc[:, 1:].to_numpy()
    gone = np.where((before > 0) & (after == 0), -before, 0).sum(axis=0)
    np.testing.assert_allclose(moves["churn"], gone)
    np.testing.assert_allclose(moves["reactivation"].sum(), 102)
    np.testing.assert_allclose(moves.drop(columns=["opening", "closing"]).sum(axis=1), step.sum())


def test_retention_is_the_grids(long: Marts) -> None:
    found = revenue.retention(long, start=date(2024, 3, 31), end=date(2025, 3, 31))
    base = GRID[GRID["2024-03"] > 0]
    end = base["2025-03"].where(base.index != "c02", 0)  # it left in between; its return counts apart
    assert found.row(metric="logo")["estimate"] == pytest.approx((end > 0).mean())
    assert found.row(metric="net")["estimate"] == pytest.approx(end.sum() / base["2024-03"].sum())
    gross = np.minimum(end, base["2024-03"]).sum() / base["2024-03"].sum()
    assert found.row(metric="gross")["estimate"] == pytest.approx(gross)
    assert found.row(metric="returned")["estimate"] == pytest.approx(102 / base["2024-03"].sum())
    assert any("no contract terms" in note for note in found.notes)


def test_only_those_who_began_in_view_have_an_age(long: Marts) -> None:
    curve = cohort_survival.curves(long)
    assert long.meta.unknown_start == 40
    assert curve.row(age=0)["n"] == 30
    # One in six of the thirty leaves after three months; the rest are there to the end.
    assert curve.row(age=3)["estimate"] == pytest.approx(25 / 30)
    assert any("40 accounts" in note for note in curve.notes)


def test_a_missing_month_stops_the_run(tmp_path: Path) -> None:
    text = GRID.drop(columns="2024-07").replace(0, np.nan).reset_index(names="customer_id")
    text = text.melt("customer_id", var_name="month", value_name="mrr").dropna().to_csv(index=False)
    with pytest.raises(DataError, match="whole month is missing"):
        _marts(tmp_path / "data", text, None)
