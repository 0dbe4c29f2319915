"""What use is linked to, in simulated businesses whose truth is known: the three alignments, verdicts and records."""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pandas as pd
import pytest

from customer_value.errors import SettingsError
from customer_value.marts import adopters, risk
from customer_value.marts.adopters import Use
from customer_value.simulate import DEFAULT, NULL, Feature
from customer_value.stats.multiplicity import benjamini_hochberg
from customer_value.strategy.answers import feature_adoption as answers
from customer_value.strategy.decisions import decide
from customer_value.strategy.established import feature_adoption as established
from customer_value.strategy.wording import Words
from customer_value.studies import feature_adoption, feature_links, feature_verdicts
from worlds import marts_of

WORDS = Words(currency="GBP")
EXPORT = Feature("export", "basic", "core", "null", start=0.3, pace=0.03)


@pytest.fixture(scope="module")
def world():
    """500 accounts; export is used regularly by some, and halves leaving and doubles growing."""
    useful = replace(EXPORT, name="export", leaving=log(0.35), growing=log(2.0))
    idle = replace(EXPORT, name="late", start=0.0, pace=0.04, drop=0.0, kind="survival")
    common = replace(EXPORT, name="common", start=0.97, pace=0.5, keep=0.97, drop=0.0)
    parameters = replace(
        NULL,
        features=replace(NULL.features, items=(useful, idle, common)),
        monthly_voluntary=(0.03,) * 4,
        annual_share=(0.2,) * 4,
    )
    with marts_of(parameters, accounts=900, seed=5, months=30) as marts:
        yield marts


@pytest.fixture(scope="module")
def studied(world):
    adoption = feature_adoption.adoption(world)
    options = {"adjust": ("size", "plan", "intensity")}
    naive, landmark = feature_links.naive(world, **options), feature_links.landmark(world, **options)
    lagged = feature_links.lagged(world, **options)
    return adoption, naive, landmark, lagged, feature_verdicts.verdicts(lagged, landmark, adoption)


@pytest.mark.parametrize("lag", [1, 3])
def test_use_before_is_what_the_risk_set_counts(world, lag: int) -> None:
    adjust = ("size", "plan", "intensity")
    counted = adopters.earlier(world, Use.of(world, "export"), lag=lag, adjust=adjust)
    given = risk.feature_cells(world, feature="export", lag=lag, outcome="churned", adjust=adjust)
    keys = ["term", "since_term", *adjust, "exposure"]
    mine = counted.cells.groupby(keys, as_index=False)[["at_risk", "churned"]].sum()
    pd.testing.assert_frame_equal(mine.rename(columns={"churned": "events"}), given, check_dtype=False)


def test_hindsight_and_age_are_what_slow_loops_say(world) -> None:
    """Ever against never from the first month; adopted by the third whole month, of those still there after it."""
    at = world.frame("accounts").set_index("customer_id")
    rows = risk.person_months(world).to_pandas()
    rows["month"] = pd.to_datetime(rows["month"])
    known = world.frame("adoption")
    adopted = known[known["feature"] == "export"].set_index("customer_id")["adopted_in"].dropna()
    ever = rows[rows["month"] >= pd.Timestamp(world.meta.features_from)]
    inside = ever["customer_id"].isin(adopted.index)
    cells = adopters.by_hindsight(world, Use.of(world, "export"), adjust=()).cells
    assert cells.groupby("exposure")["at_risk"].sum().tolist() == [int((~inside).sum()), int(inside.sum())]
    assert cells.groupby("exposure")["churned"].sum().tolist() == [
        int(ever.loc[~inside, "churned"].sum()),
        int(ever.loc[inside, "churned"].sum()),
    ]

    born = at.loc[at["cohort_month"].notna(), "first_start"]
    whole = born.where(born.dt.day == 1, born + pd.offsets.MonthBegin(1))
    whole = whole[whole >= pd.Timestamp(world.meta.features_from)]
    reached = whole + pd.DateOffset(months=2)
    later = rows[rows["customer_id"].isin(whole.index)]
    later = later[later["month"] > later["customer_id"].map(reached)]
    exposed = later["customer_id"].map(adopted) <= later["customer_id"].map(reached)
    found = adopters.at_age(world, Use.of(world, "export"), age=3, adjust=())
    assert found.cells.groupby("exposure")["at_risk"].sum().tolist() == [int((~exposed).sum()), int(exposed.sum())]
    assert found.accounts == later["customer_id"].nunique()
    assert found.left == int(later["churned"].sum())


def test_an_effect_is_found_and_a_null_that_survivors_adopt_is_not(studied) -> None:
    _, naive, _, lagged, verdicts = studied
    main = lagged.row(feature="export", outcome="leaving", lag=3)
    assert main["low"] <= 0.35 <= main["high"]
    grows = lagged.row(feature="export", outcome="expansion", lag=3)
    assert grows["low"] > 1  # seats come twice as often, but dearer prices and plans as ever
    assert grows["estimate"] < 2
    assert "retention" in verdicts.row(feature="export")["verdict"]
    late = lagged.row(feature="late", outcome="leaving", lag=3)
    assert late["low"] <= 1 <= late["high"]
    assert naive.row(feature="late", outcome="leaving")["high"] < 0.8
    assert not verdicts.row(feature="late")["verdict"].startswith("linked")


def test_what_nearly_all_adopt_is_compared_by_how_much_it_is_used(studied) -> None:
    *_, lagged, verdicts = studied
    assert set(lagged.where(feature="common").table["exposure"]) == {"intensity"}
    assert set(lagged.where(feature="export").table["exposure"]) == {"regular"}
    assert not verdicts.row(feature="common")["comparable"]
    assert verdicts.row(feature="common")["verdict"] == feature_verdicts.TABLE_STAKES


def test_the_family_is_all_features_and_both_outcomes_at_the_main_lag(studied) -> None:
    table = studied[3].table
    main = table[table["main"]]
    assert len(main) == 6
    np.testing.assert_allclose(main["p_adjusted"], benjamini_hochberg(main["p"]))
    assert table.loc[~table["main"], "p_adjusted"].isna().all()


def test_money_is_what_those_without_it_would_keep(world, studied) -> None:
    main = studied[3].row(feature="export", outcome="leaving", lag=3)
    accounts = world.frame("accounts")
    active = accounts[accounts["status"] == "active"]
    arr = 12 * float(active["mrr_now"].sum())
    assert 0 < main["money_low"] < main["money"] < main["money_high"] < arr


def test_every_feature_and_outcome_is_on_record_with_the_caveat(studied) -> None:
    _, _, landmark, lagged, verdicts = studied
    found = established.links(lagged, landmark, verdicts)
    assert len(found) == 6
    assert all(established.HEALTH_CAVEAT in finding.caveat for finding in found)
    useful = next(f for f in found if "export" in f.subject and f.metric == "leaving")
    assert (useful.design, useful.direction, useful.action) == ("B", "lower", "product_use")
    assert "Regular use of “export” is linked to lower leaving" in useful.statement(WORDS)
    idle = next(f for f in found if "late" in f.subject and f.metric == "leaving")
    assert idle.direction == "none"
    assert idle.statement(WORDS).startswith("No clear link between regular use of “late” and leaving")
    assert all("late" not in decision.do(WORDS) for decision in decide(found).ranked)


def test_the_page_says_what_the_rule_says(studied) -> None:
    adoption, naive, landmark, lagged, verdicts = studied
    assert "“export”" in answers.headline(verdicts, words=WORDS)
    assert "less often than those that did not use it" in answers.detail(verdicts, lagged, words=WORDS)
    assert "E-value" in answers.health(lagged, verdicts, words=WORDS)
    assert answers.missing_lags(lagged, words=WORDS) == ""
    drawn = answers.to_draw(naive, landmark, lagged, verdicts, outcome="leaving")
    assert drawn.table["feature"].iloc[0] == "export"
    assert drawn.table.loc[drawn.table["linked"], "feature"].unique().tolist() == ["export"]
    assert len(answers.adoption_page(adoption).table) == 3
    page = answers.verdict_page(verdicts, words=WORDS).table.set_index("feature")
    assert "a year at most" in page.loc["export", "remark"]


def test_links_must_be_adjusted_for_what_was_known_at_sign_up(world) -> None:
    assert feature_links.adjustments(world)[:2] == ("size", "plan")
    assert "channel" in feature_links.adjustments(world)
    with pytest.raises(SettingsError, match="colour"):
        feature_links.adjustments(world, names="colour")
    with pytest.raises(SettingsError, match="at least one whole month"):
        feature_links.lagged(world, lags=(0, 3))


def test_leavers_that_stop_first_make_a_null_look_protective_and_no_verdict_falls_for_it() -> None:
    social = replace(EXPORT, name="social", start=0.45, winds_down=1.0)
    parameters = replace(
        NULL,
        features=replace(NULL.features, items=(social,)),
        wind_down=DEFAULT.wind_down,
        monthly_voluntary=(0.03,) * 4,
    )
    with marts_of(parameters, accounts=700, seed=8, months=30) as marts:
        options = {"adjust": ("size", "plan", "intensity")}
        lagged, landmark = feature_links.lagged(marts, **options), feature_links.landmark(marts, **options)
        verdicts = feature_verdicts.verdicts(lagged, landmark, feature_adoption.adoption(marts))
    first, main = (lagged.row(feature="social", outcome="leaving", lag=lag) for lag in (1, 3))
    assert first["high"] < 0.7
    assert main["low"] <= 1 <= main["high"]
    assert main["wind_down"]
    assert not verdicts.row(feature="social")["verdict"].startswith("linked")
