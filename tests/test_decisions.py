"""The gate from findings to decisions, and the front page that is written from them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

import numpy as np
import pypandoc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_value.stats.multiplicity import benjamini_hochberg
from customer_value.strategy import front_page
from customer_value.strategy.decisions import ACTIONS, AREAS, NEEDS, USES, action_of, decide, detectable
from customer_value.strategy.findings import Finding, Point, identifier
from customer_value.strategy.wording import Words

WORDS = Words(currency="GBP")


def contrast(level: str = "Basic", *, p: float | None = 0.001, attribute: str = "plan", **changes: object) -> Finding:
    values = {
        "id": identifier(attribute, level, changes.get("metric", "grr")),
        "chapter": "segments",
        "kind": "association",
        "area": "pricing_packaging",
        "subject": f"{attribute} {level}",
        "metric": "grr",
        "segment": f"{attribute} = {level}",
        "direction": "lower",
        "estimate": -0.08,
        "low": -0.12,
        "high": -0.04,
        "unit": "points",
        "n": 340,
        "design": "C",
        "money": 200_000.0,
        "money_low": 120_000.0,
        "money_high": 260_000.0,
        "money_period": "a year",
        "evidence": "segments#tbl-segments-contrasts",
    }
    return Finding(**values | {"p": p} | changes)


def fact(metric: str = "involuntary_churn", money: float | None = 212_345.0, **changes: object) -> Finding:
    values = {
        "id": identifier(metric),
        "chapter": "revenue",
        "kind": "fact",
        "area": "churn_prevention",
        "subject": "revenue lost to failed payments",
        "metric": metric,
        "money": money,
        "money_period": "in the last 12 months",
        "n": 34,
        "design": "A",
    }
    return Finding(**values | changes)


def headline(metric: str, estimate: float, low: float | None, high: float | None, unit: str, **more: object) -> Finding:
    return Finding(
        id=identifier(metric), chapter="revenue", kind="estimate", subject=metric, metric=metric, estimate=estimate,
        low=low, high=high, unit=unit, n=664, **more,
    )  # fmt: skip


STATE = [
    headline("arr", 8_700_000, None, None, "money", series=[Point(month=date(2024, 2, 1), value=8_700_000)]),
    headline("accounts", 664, None, None, "count"),
    headline("nrr", 0.839, 0.80, 0.88, "share", series=[Point(month=date(2024, m, 1), value=0.98) for m in (1, 2)]),
    headline("grr", 0.786, 0.75, 0.82, "share"),
    headline("logo_retention", 0.795, 0.763, 0.824, "share"),
    headline("quick_ratio", 1.4, None, None, "ratio"),
]
NOT_STUDIED = Finding(id="x", chapter="nps", kind="not_studied", subject="NPS", needs="nps_responses")


# The gate


def test_a_raw_contrast_is_tested_first_and_an_adjusted_one_done() -> None:
    assert [each.certainty for each in decide([contrast()]).ranked] == ["Test first"]
    assert [each.certainty for each in decide([contrast(design="B")]).ranked] == ["Do it"]
    assert [each.certainty for each in decide([contrast(design="A")]).ranked] == ["Do it"]


@pytest.mark.parametrize("others", [0, 1, 60])
def test_the_correction_runs_over_every_contrast_recorded(others: int) -> None:
    noise = [contrast(f"L{i}", p=0.9, attribute="region", area="market_focus") for i in range(others)]
    decided = decide([contrast(p=0.001), *noise])
    # One true signal among m looks is let through while 0.001 × m ≤ 0.05.
    assert bool(decided.ranked) == (0.001 * (others + 1) <= 0.05)
    assert decided.tested == others + 1
    assert len(decided.unclear) == others + (not decided.ranked)


def test_what_its_own_page_calls_unclear_is_not_decided_on() -> None:
    """The gate corrects the raw p over all contrasts; the chapter's own adjustment may only stand against one."""
    assert decide([contrast(p=0.001, p_adjusted=0.04)]).ranked
    assert not decide([contrast(p=0.001, p_adjusted=0.09)]).ranked
    assert not decide([contrast(p=0.2, p_adjusted=0.01)]).ranked


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_q_is_benjamini_and_hochbergs(p: list[float]) -> None:
    records = [contrast(f"L{i}", p=value, attribute=f"a{i}") for i, value in enumerate(p)]
    expected = {record.id: q for record, q in zip(records, benjamini_hochberg(p), strict=True)}
    decided = decide(records, q=1.0)
    assert {each.lead.id for each in decided.ranked} == set(expected)
    for each in decided.ranked:
        assert each.q == pytest.approx(expected[each.lead.id])


def test_what_may_carry_no_decision_is_listed_by_its_reason() -> None:
    decided = decide(
        [
            contrast("Few", few_accounts=True),
            contrast("Small", shown=False, p=None, estimate=None, low=None, high=None, n=12),
            contrast("Unclear", p=0.5, direction="none"),
            NOT_STUDIED,
        ]
    )
    assert not decided.ranked
    assert [f.id for f in decided.few_accounts] == ["plan-Few-grr"]
    assert [f.id for f in decided.too_small] == ["plan-Small-grr"]
    assert [f.id for f in decided.unclear] == ["plan-Unclear-grr"]
    assert [f.id for f in decided.not_studied] == ["x"]
    assert decided.tested == 2


@pytest.mark.parametrize("low", [None, -1.0, 0.0])
def test_money_that_could_be_nothing_is_watched(low: float | None) -> None:
    decided = decide([contrast(money_low=low)])
    assert [each.certainty for each in decided.ranked] == ["Watch"]


def test_facts_need_no_test_but_must_matter() -> None:
    arr = headline("arr", 10_000_000, None, None, "money")
    assert [each.certainty for each in decide([fact(), arr]).ranked] == ["Do it"]
    assert [each.certainty for each in decide([fact(money=49_999.0), arr]).ranked] == ["Watch"]
    assert [each.certainty for each in decide([fact(money=50_000.0), arr]).ranked] == ["Do it"]
    assert not decide([fact(money=None), fact("churn_of_a_kind_nobody_declared")]).ranked


def test_a_gain_is_no_proof_that_asking_brings_more() -> None:
    gain = fact("expansion_seats", area="expansion", money=900_000.0)
    assert [(e.action, e.certainty) for e in decide([gain, fact()]).ranked] == [
        ("involuntary_churn", "Do it"),
        ("expansion_seats", "Test first"),
    ]


def test_ranked_by_the_lower_end_of_the_money() -> None:
    wide = contrast("A", attribute="channel", area="marketing_spend", money_low=10_000.0, money_high=900_000.0)
    narrow = contrast("B", attribute="plan", money_low=50_000.0, money_high=60_000.0)
    decided = decide([wide, narrow, fact(money=30_000.0)])
    assert [each.rank for each in decided.ranked] == [50_000.0, 30_000.0, 10_000.0]


def test_both_sides_and_all_metrics_of_an_attribute_are_one_decision() -> None:
    decided = decide(
        [
            contrast("Basic"),
            contrast("Basic", metric="nrr", money=None, money_low=None, money_high=None),
            contrast("Pro", direction="higher", estimate=0.05, low=0.02, high=0.08, money_low=50_000.0),
            contrast("Ads", attribute="channel", area="marketing_spend"),
        ]
    )
    assert [(each.area, each.lead.segment, len(each.also)) for each in decided.ranked] == [
        ("marketing_spend", "channel = Ads", 0),
        ("pricing_packaging", "plan = Basic", 2),
    ]


def test_facts_of_one_topic_share_a_decision() -> None:
    decided = decide(
        [
            fact("downgrade_seats", 90_000.0, area="pricing_packaging"),
            fact("downgrade_price", 20_000.0, area="pricing_packaging"),
            fact("voluntary_churn", 300_000.0),
            fact("churn_reason", 100_000.0),
        ]
    )
    assert [(each.action, len(each.also)) for each in decided.ranked] == [
        ("voluntary_churn", 1),
        ("downgrade_seats", 1),
    ]


def test_no_decision_from_data_that_may_not_show_retention() -> None:
    records = [contrast(design="A", p=1e-9), fact()]
    decided = decide(records, retention_known=False)
    assert (decided.ranked, decided.tested, decided.retention_known) == ((), 0, False)
    marked = [record.model_copy(update={"retention_known": False}) for record in records]
    decided = decide(marked)
    assert (decided.ranked, decided.tested, decided.retention_known) == ((), 0, False)
    verdicts = {verdict.area: verdict for verdict in decided.areas}
    assert verdicts["churn_prevention"].barred
    assert verdicts["pricing_packaging"].certainty == "Not enough evidence"


def test_the_order_of_findings_changes_nothing() -> None:
    records = [contrast("A"), contrast("B", attribute="term"), fact(), fact("downgrade_seats"), *STATE, NOT_STUDIED]
    assert decide(records) == decide(records[::-1])


def test_noise_alone_seldom_leads_to_a_decision() -> None:
    # 400 reports of 40 null contrasts each: the false discovery rate of a null family is the chance of any decision.
    # The limit is three standard errors above 5 %.
    rng = np.random.default_rng(20_240_131)
    decided = 0
    for _ in range(400):
        p = rng.uniform(size=40)
        decided += bool(decide([contrast(f"L{i}", p=x, attribute=f"a{i}") for i, x in enumerate(p)]).ranked)
    assert decided / 400 <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


# Areas and actions


def test_all_eight_areas_have_a_verdict() -> None:
    assert len(AREAS) == 8
    assert set(NEEDS) == set(USES) == set(AREAS)
    assert [verdict.area for verdict in decide([]).areas] == list(AREAS)
    assert all(verdict.certainty is None for verdict in decide([]).areas)
    assert {verdict.area for verdict in decide([]).areas if verdict.needs} == set(NEEDS)
    there = decide([], tables=["subscriptions", "customers", "usage_events"])
    assert all(verdict.needs == () for verdict in there.areas)
    snapshots = {verdict.area: verdict.needs for verdict in decide([], tables=["mrr_snapshots"]).areas}
    assert snapshots["expansion"] == ()
    assert snapshots["market_focus"] == ("customers",)
    assert snapshots["product"] == ("feature_usage_monthly",)


def test_every_area_has_an_action_for_either_direction() -> None:
    for area in AREAS:
        for direction in ("higher", "lower"):
            assert action_of(contrast(area=area, direction=direction)) == f"{area}_{direction}"
    assert action_of(contrast(direction="none")) is None
    assert action_of(contrast(direction="unknown")) == "difference"
    assert action_of(contrast(action="downgrade_seats")) == "downgrade_seats"
    assert action_of(contrast(action="an action of a later version")) == "pricing_packaging_lower"


@pytest.mark.parametrize("key", sorted(ACTIONS))
def test_actions_are_plain_imperatives_without_numbers(key: str) -> None:
    action = ACTIONS[key]
    for text in filter(None, (action.do, action.test)):
        assert text[0].isupper()
        assert not text.endswith(".")
        assert not re.search(r"\d|drives?\b|leverage|optimi[sz]e", text)
        assert len(text) < 130
    assert action.change.endswith(".")
    assert action.owner


def test_detectable_matches_the_textbook() -> None:
    # Two groups of 200 at 20 %: SE = sqrt(2 × 0.2 × 0.8 / 200) = 0.04; 2.80 × 0.04 = 0.112 at 80 % power, 5 % level.
    half = 1.96 * 0.04
    assert detectable(contrast(low=-half, high=half)) == pytest.approx(0.112, abs=0.0005)
    assert detectable(contrast(low=None, high=None)) is None


# The page


def page(findings: Sequence[Finding], *, words: Words = WORDS, **options: object) -> str:
    decided = decide(findings, **options)
    known = decided.retention_known
    parts = [
        f"## {front_page.answer(findings, words, retention_known=known)}",
        front_page.state(findings, words, as_of=date(2024, 1, 31), retention_known=known),
        front_page.headlines(findings, words, sparklines={"nrr": "figures/x.svg"}),
        front_page.headline_note(findings, words, start=date(2023, 1, 31), end=date(2024, 1, 31)),
        front_page.cards(decided, words),
        front_page.unknowns(decided, words),
        front_page.areas(decided, words),
        front_page.method(decided, words),
    ]
    return "\n\n".join(parts)


FULL = [
    *STATE,
    fact(),
    fact("expansion_seats", 400_000.0, area="expansion", subject="revenue added by seats"),
    contrast(),
    contrast("<b>Ads</b> | x", attribute="channel", area="marketing_spend", p=0.4, direction="none"),
    contrast("Tiny", shown=False, p=None, estimate=None, low=None, high=None, n=3),
    contrast("Whale", few_accounts=True),
    NOT_STUDIED,
]


def test_a_card_answers_the_six_questions() -> None:
    card = front_page.cards(decide([contrast()]), WORDS)
    assert card.startswith(
        "::: {.cards}\n\n::: {#decision-segments-plan-Basic-grr .card .test-first}\n"
        "### Try one change of price or package on a random half of the accounts with plan “Basic” when they renew\n\n"
        "[Test first]{.certainty} [£120–260k a year at most]{.worth}\n\n"
        "Accounts with plan “Basic” show lower gross revenue retention: 8 percentage points below the other accounts "
        "(4.0 to 12.0; 340 accounts).\n\n"
        "Evidence\n:   [Plan “Basic”: gross revenue retention](notebooks/segments.ipynb#tbl-segments-contrasts)\n\n"
        "How sure\n:   Clear, in the one comparison tested, but a plain comparison"
    )
    assert "What would change our mind\n:   " in card
    assert "do not add them up" in card


def test_money_is_called_what_it_is() -> None:
    decided = decide([fact(), contrast(), fact("concentration", 900_000.0, area="success_allocation")])
    assert {each.action: each.worth(WORDS) for each in decided.ranked} == {
        "involuntary_churn": "revenue lost: £212k in the last 12 months",
        "pricing_packaging_lower": "£120–260k a year at most",
        "concentration": "£900k rests on them",
    }


def test_three_sentences_on_the_state_of_the_business() -> None:
    text = front_page.state(STATE, WORDS, start=date(2022, 12, 31), end=date(2023, 12, 31))
    assert text == (
        "At the close of 29 February 2024, 664 accounts paid £8.7\u00a0m a year. Between 31 December 2022 and "
        "31 December 2023, out of 100 accounts, 80 stayed (76 to 82); of every £100 they paid, £79 (75 to 82) was kept,"
        " and growth among those who stayed made it £84 (80 to 88). At this rate the business would shrink without new "
        "customers."
    )


@pytest.mark.parametrize(
    ("low", "high", "sentence"),
    [
        (1.01, 1.1, "At this rate the business would grow even without new customers."),
        (0.98, 1.1, "That range includes standing still, so growth cannot be told from decline."),
        (0.8, 0.9, "At this rate the business would shrink without new customers."),
    ],
)
def test_the_verdict_follows_the_interval(low: float, high: float, sentence: str) -> None:
    net = headline("nrr", (low + high) / 2, low, high, "share")
    assert front_page.state([net], WORDS).endswith(sentence)
    few = net.model_copy(update={"few_accounts": True})
    assert front_page.state([few], WORDS).endswith(", and a few large accounts decide it.")
    assert front_page.answer([few], WORDS).startswith("A few accounts decide")


STILL = Finding(
    id="still-here", chapter="cohort_survival", kind="estimate", subject="accounts still here at 12 months",
    label="Still here after 12 months", metric="share_still_here", estimate=0.532, low=0.475, high=0.585, unit="share",
    n=148, n_of="accounts still followed",
)  # fmt: skip


def test_without_two_closes_the_share_still_here_is_the_answer() -> None:
    known = [headline("accounts", 300, None, None, "count"), STILL]
    assert front_page.answer(known, WORDS) == "Out of 100 accounts, 53 are still here after 12 months"
    assert front_page.state(known, WORDS).endswith("Out of 100 accounts, 53 are still here after 12 months (48 to 59).")
    assert (
        "[Still here after 12 months]{.label}\n\n[53%]{.value} [48 to 59% · 148 accounts still followed]{.range}"
        in (front_page.headlines(known, WORDS))
    )
    snapshot = STILL.model_copy(update={"label": "Would still be here after 12 months", "caveat": "Rates of a month."})
    assert front_page.answer([snapshot], WORDS).endswith("53 would still be here after 12 months")
    assert front_page.state([snapshot], WORDS).endswith("Rates of a month.")
    assert front_page.answer([*STATE, STILL], WORDS).startswith("Existing customers")
    assert "Still here" not in front_page.headlines([*STATE, STILL], WORDS)
    barred = STILL.model_copy(update={"retention_known": False})
    assert front_page.answer([barred], WORDS).startswith("There is no figure")


def test_a_handful_of_accounts_is_told_as_a_count() -> None:
    few = [each.model_copy(update={"n": 20}) for each in STATE]
    text = front_page.headlines(few, WORDS)
    assert "[16 of 20]{.value}" in text
    assert "%" not in text.replace("99", "")
    assert "interval" not in front_page.headline_note(few, WORDS)


def test_a_period_other_than_a_year_is_said() -> None:
    half = {"start": date(2023, 6, 30), "end": date(2023, 12, 31)}
    text = front_page.headlines(STATE, WORDS, **half)
    assert "[Net revenue retention over 6 months]{.label}" in text
    assert "[Annual recurring revenue]{.label}" in text
    assert "Over these 6 months the business would have shrunk" in front_page.state(STATE, WORDS, **half)
    year = {"start": date(2022, 12, 31), "end": date(2023, 12, 31)}
    assert "over" not in front_page.headlines(STATE, WORDS, **year)


def test_a_fact_of_a_few_accounts_is_watched() -> None:
    assert [each.certainty for each in decide([fact(n=9)]).ranked] == ["Watch"]
    assert [each.certainty for each in decide([fact(n=10)]).ranked] == ["Do it"]


def test_an_area_with_a_chapter_is_never_called_unlooked_at() -> None:
    decided = decide([], tables=("subscriptions", "customers"))
    verdicts = {each.area: each.certainty for each in decided.areas}
    assert verdicts["market_focus"] == verdicts["expansion"] == "Not enough evidence"
    assert verdicts["product"] is None
    assert "Not enough evidence. No group was large enough" in front_page.areas(decided, WORDS)


def test_too_few_to_compare_names_the_question_or_only_groups_never_compared() -> None:
    small = {"shown": False, "p": None, "estimate": None, "low": None, "high": None}
    found = [
        contrast(),
        contrast(metric="nrr", **small),
        contrast(metric="share_still_here", verdict="too few at 12 months of age", **small),
        contrast("Tiny", **small),
    ]
    text = front_page.unknowns(decide(found), WORDS)
    assert "- Too few at 12 months of age: accounts with plan “Basic”." in text
    assert "- Too few to compare: accounts with plan “Tiny”." in text


def test_headlines_carry_range_and_sparkline_and_the_note_says_on_how_many_accounts() -> None:
    text = front_page.headlines(STATE, WORDS, sparklines={"nrr": "figures/x.svg"})
    assert text.count("::: {.headline}") == 4  # the accounts stand under the revenue that they pay
    assert "[84%]{.value} [80 to 88%]{.range}" in text
    note = front_page.headline_note(STATE, WORDS, start=date(2022, 12, 31), end=date(2023, 12, 31))
    assert "Retention is of the 664 accounts that were active at the close of 31 December 2022" in note
    uneven = [each.model_copy(update={"n": 600}) if each.metric == "grr" else each for each in STATE]
    assert "[84%]{.value} [80 to 88% · 664 accounts]{.range}" in front_page.headlines(uneven, WORDS)
    assert front_page.headlines([headline("accounts", 664, None, None, "count")], WORDS).count("{.headline}") == 1
    assert (
        '![](figures/x.svg){.sparkline fig-alt="Net revenue retention by month, from 98.0% in Jan 2024 to 98.0% in '
        'Feb 2024"}'
    ) in text
    assert front_page.headlines([], WORDS) == ""
    assert front_page.sparkline_values(STATE) == {"nrr": [0.98, 0.98]}


def test_what_is_not_known_is_said() -> None:
    text = front_page.unknowns(decide(FULL), WORDS)
    assert "1 of 3 comparisons between groups shows no clear difference" in text
    assert "A few accounts decide the difference for accounts with plan “Whale”" in text
    assert "Too few to compare: accounts with plan “Tiny”" in text
    assert "Not studied: NPS. It needs `nps_responses`." in text


def test_many_absent_tables_take_one_line() -> None:
    absent = [NOT_STUDIED.model_copy(update={"id": name, "subject": f"Topic {name}"}) for name in "abcdefg"]
    text = front_page.unknowns(decide(absent), WORDS)
    assert text.count("Not studied") == 1
    assert "topic a (`nps_responses`)" in text
    assert "and 2 further questions." in text


def test_one_attribute_seen_by_two_chapters_is_one_decision() -> None:
    elsewhere = contrast(
        "Ads", attribute="Channel", chapter="cohort_survival", area="market_focus", metric="share_still_here",
        money=None, money_low=None, money_high=None,
    )  # fmt: skip
    decided = decide([elsewhere, contrast("Ads", attribute="channel", area="marketing_spend")])
    assert [(each.area, len(each.also)) for each in decided.ranked] == [("marketing_spend", 1)]
    verdicts = {verdict.area: verdict.certainty for verdict in decided.areas}
    assert verdicts["market_focus"] == verdicts["marketing_spend"] == "Test first"


def test_beyond_the_cards_decisions_are_listed() -> None:
    records = [contrast("L", attribute=f"a{'abcdefg'[i]}", area="market_focus") for i in range(7)]
    text = front_page.cards(decide(records), WORDS, most=5)
    assert text.count(".card .") == 5
    assert text.count("- **Test first:**") == 2
    alone = front_page.cards(decide(records), WORDS, most=0)
    assert "{.cards}" not in alone
    assert alone.count("- **Test first:**") == 5
    assert "And 2 further decisions, ranked lower." in alone
    with pytest.raises(ValueError, match="most"):
        front_page.cards(decide(records), WORDS, most=-1)


def test_what_is_only_watched_takes_one_line() -> None:
    records = [contrast("L", attribute=f"a{'abcdefg'[i]}", area="market_focus", money_low=-1.0) for i in range(7)]
    text = front_page.cards(decide(records), WORDS, most=0)
    assert text.count("\n- ") == 0
    assert text.startswith("- **Watch**, but do not act yet: [accounts with aa “L”](notebooks/")
    assert "and 2 other findings." in text


def test_areas_that_nothing_is_known_of_share_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if an area had no chapter.
    monkeypatch.delitem(NEEDS, "marketing_spend")
    lines = front_page.areas(decide([]), WORDS).split("\n")
    together = next(line for line in lines if "No chapter" in line)
    assert "**Marketing spend" in together
    assert sum(line.count(name) for line in lines for name in ("Churn prevention", "Marketing spend")) == 2


@pytest.mark.parametrize(
    "evidence", ["revenue#tbl-x", "revenue.ipynb#tbl-x", "notebooks/revenue.html#tbl-x", "../notebooks/revenue#tbl-x"]
)
def test_evidence_is_linked_however_it_is_written(evidence: str) -> None:
    assert front_page.page_link(evidence) == "notebooks/revenue.ipynb#tbl-x"


def test_evidence_that_names_no_page_is_not_linked() -> None:
    assert front_page.page_link("") == ""
    assert front_page.page_link('x"y#z') == ""


@pytest.mark.parametrize("words", [WORDS, Words(), Words(locale="en-US", currency="USD")])
@pytest.mark.parametrize(
    ("findings", "options"),
    [
        (FULL, {}),
        ([], {}),
        (STATE, {}),
        ([contrast(p=0.5, direction="none", low=-0.3, high=0.3)], {}),
        ([headline("accounts", 7_043, None, None, "count"), contrast()], {"retention_known": False}),
        ([NOT_STUDIED], {"tables": ["subscriptions"]}),
    ],
    ids=["full", "empty", "state only", "nothing clear", "retention unknown", "not studied"],
)
def test_the_page_reads_whatever_was_found(findings: list[Finding], options: dict[str, object], words: Words) -> None:
    text = page(findings, words=words, **options)
    assert not re.search(r"\bNone\b|\bnan\b|\binf\b|drives|\{group\}|\{subject\}|\w  \w", text)
    assert not re.search(r"\.\.|\.,|,,| \.(?!\w)|<b>", text)
    shown = pypandoc.convert_text(text, "html", format="markdown-raw_html+fenced_divs+bracketed_spans")
    # Fences that do not pair, or an attribute that does not parse, show as text.
    assert ":::" not in shown
    assert "{." not in shown


def test_undeclared_observation_is_explained_before_anything_else() -> None:
    findings = [headline("accounts", 7_043, None, None, "count"), contrast()]
    text = page(findings, retention_known=False)
    assert text.startswith("## These data cannot say how well customers are kept")
    assert "No decision is made: these data cannot say" in text
    assert ".card" not in text
    assert "observation: followed_from_start" in front_page.observation_warning(WORDS)
