"""Simulated businesses go the way of real ones, from tables to decisions."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import chain
from customer_value import simulate
from customer_value.simulate import DEFAULT, Blemishes
from worlds import GRACE_DAYS, marts_all_the_way, marts_of

CLEAN = replace(DEFAULT, blemishes=Blemishes(orphans=0, outside=0))


@pytest.fixture(scope="module")
def both():
    """Marts of one business with every mechanism at work, by the short cut and all the way."""
    whole = simulate.simulate(accounts=250, months=24, seed=3, parameters=CLEAN)
    with marts_of(CLEAN, accounts=250, months=24, seed=3) as short, marts_all_the_way(whole) as long:
        yield short, long


def test_the_short_cut_leads_to_the_same_marts(both) -> None:
    short, long = both
    assert replace(short.meta, fingerprint="") == replace(long.meta, fingerprint="")
    assert {"accounts", "usage_months", "nps_answers"} <= set(short.meta.rows)
    for name in short.meta.rows:
        pd.testing.assert_frame_equal(short.frame(name), long.frame(name))


def test_grace_is_that_of_the_report() -> None:
    assert chain.SETTINGS.grace_days == GRACE_DAYS


def test_chapters_left_out_record_no_contrast(both) -> None:
    marts, _ = both
    for name in chain.WITHOUT_CONTRASTS:
        recorded, _ = chain.run(marts, name)
        assert all(finding.kind != "association" for finding in recorded), name


def test_every_other_chapter_records_contrasts(both) -> None:
    marts, _ = both
    for name in chain.contrasting(marts):
        recorded, _ = chain.run(marts, name)
        assert {finding.chapter for finding in recorded} == {name}
        assert any(finding.kind == "association" for finding in recorded), name


def test_nothing_is_left_of_a_notebook_but_what_its_records_need() -> None:
    code = chain._statements("segments", frozenset({"subscriptions", "customers"}))
    assert {"contrasts", "record"} <= set(code.co_names)
    assert not {"draw", "show", "say", "overview"} & set(code.co_names)
