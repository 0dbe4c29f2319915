"""Who is shown, at the boundary, and that only the denominator decides."""

from __future__ import annotations

import numpy as np
import pandas as pd

from customer_value.stats.disclosure import shown, suppress


def test_boundary() -> None:
    assert shown(30)
    assert not shown(29)
    assert not shown(29.999)
    assert shown(5, 5)
    assert shown(np.array([29, 30, np.nan, 31])).tolist() == [False, True, False, True]


def test_small_rows_keep_keys_and_n_only() -> None:
    table = pd.DataFrame({"level": ["a", "b"], "n": [29, 30], "estimate": [0.5, 0.6], "low": [0, 0], "high": [1, 1]})
    before = table.copy()
    hidden, count = suppress(table)
    assert count == 1
    assert hidden[["level", "n"]].equals(table[["level", "n"]])
    assert hidden.loc[0, ["estimate", "low", "high"]].isna().all()
    assert hidden.loc[1, ["estimate", "low", "high"]].tolist() == [0.6, 0, 1]
    pd.testing.assert_frame_equal(table, before)


def test_outcomes_do_not_matter() -> None:
    none_lost = pd.DataFrame({"n": [30], "estimate": [1.0], "low": [0.9], "high": [1.0], "events": [0]})
    assert suppress(none_lost)[1] == 0
