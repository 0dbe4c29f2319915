"""The period that a report compares, from what was asked for."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from customer_value.marts import periods
from customer_value.marts.store import Meta
from marts_fixtures import build_marts


@pytest.fixture(scope="module")
def meta(tmp_path_factory: pytest.TempPathFactory) -> Meta:
    """Two and a half years of data, as of the middle of 2024."""
    folder: Path = tmp_path_factory.mktemp("periods")
    rows = [{"customer_id": f"c{month}", "start_date": f"2022-{month:02d}-10", "mrr": 100} for month in range(1, 13)]
    return build_marts(folder, as_of="2024-06-30", subscriptions=rows).meta


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (date(2023, 6, 30), date(2024, 6, 30))),
        ({"period_to": "2023-12-31"}, (date(2022, 12, 31), date(2023, 12, 31))),
        ({"period_to": "2024-02-29"}, (date(2023, 2, 28), date(2024, 2, 29))),
        ({"period_to": "2024-03-15"}, (date(2023, 3, 15), date(2024, 3, 15))),
        ({"period_from": "2024-01-31"}, (date(2024, 1, 31), date(2024, 6, 30))),
        ({"period_from": "2023-01-01", "period_to": "2023-02-01"}, (date(2023, 1, 1), date(2023, 2, 1))),
    ],
)
def test_an_end_alone_takes_the_twelve_months_before_it(meta: Meta, given: dict[str, str], expected: tuple) -> None:
    period = periods.choose(meta, **given)
    assert (period.start, period.end) == expected


def test_the_twelve_months_are_cut_where_the_data_begin(meta: Meta) -> None:
    period = periods.choose(meta, period_to="2022-06-30")
    assert period.start < period.end
    assert period.start.year in (2021, 2022)
    assert not period.about_a_year
