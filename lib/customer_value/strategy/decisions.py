"""From findings to decisions: what may be decided on, in which order, and how sure.

A contrast becomes a decision only through the gate: it survives the correction over every contrast that any chapter
tested, its group is large enough to show, and no handful of accounts decides it. An accounting fact needs no such test:
its money was counted. Whatever fails stays visible as "not enough evidence". Method: ``docs/decisions.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from customer_value.stats.multiplicity import benjamini_hochberg
from customer_value.strategy.findings import Finding
from customer_value.strategy.wording import Words

Certainty = Literal["Do it", "Test first", "Watch", "Not enough evidence"]

AREAS = {
    "churn_prevention": "Churn prevention",
    "expansion": "Expansion",
    "pricing_packaging": "Pricing and packaging",
    "market_focus": "Market focus",
    "success_allocation": "Customer success",
    "product": "Product",
    "sales_incentives": "Sales incentives",
    "marketing_spend": "Marketing spend",
}
"""The eight areas of decision, in the order in which the page lists them."""

NEEDS = {
    "churn_prevention": ("subscriptions",),
    "expansion": ("subscriptions",),
    "pricing_packaging": ("subscriptions",),
    "market_focus": ("subscriptions", "customers"),
    "success_allocation": ("subscriptions",),
    "product": ("subscriptions", "feature_usage_monthly"),
    "sales_incentives": ("subscriptions", "customers"),
    "marketing_spend": ("subscriptions", "customers"),
}
"""The tables that an area's question cannot be asked without; an area that is not here has no chapter yet."""

STUDIED = ("churn_prevention", "expansion", "pricing_packaging", "market_focus", "success_allocation", "product")
"""Areas that a chapter looks into wherever the tables in `NEEDS` are there: nothing recorded says something of them."""

STANDS_FOR = {"mrr_snapshots": "subscriptions", "usage_events": "feature_usage_monthly"}
"""Tables that do as well as another in `NEEDS`."""

USES = {
    "churn_prevention": "who left, when and why",
    "expansion": "who paid more, and for what",
    "pricing_packaging": "who paid what for which plan",
    "market_focus": "what kind of customer each account is, known at sign-up",
    "success_allocation": "which accounts carry how much revenue",
    "product": "which account used which feature, month by month",
    "sales_incentives": "who sold each account, and through which channel",
    "marketing_spend": "what each account cost to win, and which channel it came through",
}
"""What those tables would say."""

MATERIAL = 0.005
"""Facts below this share of annual recurring revenue are watched, not acted on."""

FEW = 10
"""Facts of fewer accounts than this are watched, not acted on; or of more, of which few pay nearly all of it."""


COST = "revenue lost: {money} {period}"
GAIN = "revenue gained: {money} {period}"
ASSOCIATED = "{money} {period} at most"


@dataclass(frozen=True)
class Action:
    """What can be done about a kind of finding.

    The texts may hold ``{group}``, whom the finding is about, and ``{subject}``, what. ``do`` is imperative; ``test``
    is what to do instead where the evidence does not show that doing it helps. An action without ``do`` is tested first
    whatever the evidence; one with neither is only watched. ``worth`` says what the money is. Facts of one ``topic`` in
    one area share a card: their money overlaps, or what to do does.
    """

    do: str | None
    test: str | None
    owner: str
    change: str
    worth: str = ASSOCIATED
    topic: str = ""


ACTIONS = {
    # Accounting facts of loss: the money was counted; how much of it comes back is for the action to show.
    "involuntary_churn": Action(
        do="Win back failed payments: retry cards, and ask for a new one before the old expires",
        test=None,
        owner="Finance, with whoever runs billing",
        change="Fewer than one in ten failed payments recovered after a full quarter of retries and reminders.",
        worth=COST,
        topic="failed payments",
    ),
    "churn": Action(
        do="Record why every account leaves, and whether a payment failed, starting now",
        test=None,
        owner="Customer success, with whoever runs billing",
        change="Reasons that differ so much from one account to the next that no action follows from them.",
        worth=COST,
        topic="leaving",
    ),
    "voluntary_churn": Action(
        do="Speak with every account that gives notice, and give the commonest reason an owner",
        test=None,
        owner="Customer success",
        change="A quarter in which these talks keep nobody and teach nothing new.",
        worth=COST,
        topic="leaving",
    ),
    "overdue_bills": Action(
        do="Collect what is overdue: ask by telephone first, and settle who does so from which day on",
        test=None,
        owner="Finance, with account management",
        change="Bills overdue because they are disputed: then the dispute comes first.",
        worth="{money} overdue {period}",
        topic="overdue bills",
    ),
    "churn_reason": Action(
        do="Give the costliest stated reason for leaving one owner and a target",
        test=None,
        owner="The head of the function that the reason points to",
        change="Exit interviews that show the stated reason is not the real one.",
        worth=COST,
        topic="leaving",
    ),
    "downgrade_seats": Action(
        do="Find the seats nobody uses ninety days before each renewal, and help the account put them to use",
        test=None,
        owner="Account management",
        change="Accounts that cut seats because they became smaller themselves: no help brings those seats back.",
        worth=COST,
        topic="downgrades",
    ),
    "downgrade_plan": Action(
        do="Ask every account that moves to a cheaper plan what it no longer needed",
        test=None,
        owner="Pricing, with product",
        change="Accounts on the cheaper plan that stay longer for it: then the move keeps them.",
        worth=COST,
        topic="downgrades",
    ),
    "downgrade_price": Action(
        do="Ask for a second approval, with the reason on record, before any existing account's price is cut",
        test=None,
        owner="Sales management, with finance",
        change="Accounts with a price cut that stay so much longer that they repay it.",
        worth=COST,
        topic="downgrades",
    ),
    "downgrade_addon": Action(
        do="Find out why add-ons are dropped before selling more of them",
        test=None,
        owner="Product, with account management",
        change="Add-ons that were bought for one project and had done their work.",
        worth=COST,
        topic="downgrades",
    ),
    "downgrade_discount": Action(
        do="Give every discount of an existing account an end date and a second approver",
        test=None,
        owner="Sales management, with finance",
        change="Accounts with a discount that stay so much longer that they repay it.",
        worth=COST,
        topic="downgrades",
    ),
    "concentration": Action(
        do="Give each of the largest accounts a named owner and a yearly plan",
        test=None,
        owner="The head of customer success",
        change="A fall in the share that the largest accounts hold.",
        worth="{money} rests on them",
        topic="largest accounts",
    ),
    # Accounting facts of gain: what came in does not show that asking for it brings more.
    "expansion_seats": Action(
        do=None,
        test="Offer more seats to a random half of accounts at a fixed date, leave the others to ask; compare",
        owner="Account management",
        change="Accounts offered seats that add no more of them than those left to ask.",
        worth=GAIN,
        topic="growth",
    ),
    "expansion_plan": Action(
        do=None,
        test="Show the next plan inside the product to a random half of accounts; compare upgrades",
        owner="Product, with account management",
        change="Accounts shown it that upgrade no more often, or move back down within a year.",
        worth=GAIN,
        topic="growth",
    ),
    "expansion_price": Action(
        do=None,
        test="Raise prices for a random half first, and compare who leaves in the three months after",
        owner="Pricing, with finance",
        change="More revenue lost to leavers than the increase brings.",
        worth=GAIN,
        topic="growth",
    ),
    "expansion_addon": Action(
        do=None,
        test="Offer the add-ons that sell already to a random half of the accounts without them",
        owner="Account management",
        change="Accounts offered add-ons that buy no more of them, or drop them again within a year.",
        worth=GAIN,
        topic="growth",
    ),
    "expansion_discount": Action(
        do=None,
        test="End discounts that have run a year for a random half of the accounts that hold one; compare who leaves",
        owner="Pricing, with account management",
        change="More revenue lost to leavers than the ended discounts bring.",
        worth=GAIN,
        topic="growth",
    ),
    "reactivation": Action(
        do=None,
        test="Write to a random half of the accounts that left within the last year; compare who comes back",
        owner="Marketing, with customer success",
        change="Accounts written to that come back no more often, or leave again sooner than new ones.",
        worth=GAIN,
        topic="returns",
    ),
    # Use that does not fit the plan: where to ask, not what will be answered.
    "under_monetised": Action(
        do=None,
        test="Offer the plan above to a random half of the accounts that use more than its middle account; compare "
        "upgrades",
        owner="Account management, with product",
        change="Accounts offered the plan that upgrade no more often than those left to ask.",
    ),
    "over_monetised": Action(
        do=None,
        test="Help a random half of the accounts that use least for their plan to use what they pay for; compare who "
        "leaves",
        owner="Customer success",
        change="A helped half that cuts back or leaves as often as the other.",
    ),
    # A contrast that says groups differ but not which way: to be followed, not acted on.
    "difference": Action(
        do=None,
        test=None,
        owner="Whoever looks after these accounts",
        change="A comparison, at equal size and term, that says which group is better off and by how much.",
    ),
    "cohort_trend": Action(
        do=None,
        test=None,
        owner="The head of sales, with customer success",
        change="A year in which newly won accounts no longer follow the trend.",
    ),
    # Contrasts between groups: one pair of texts an area, for the weaker and for the stronger side.
    "churn_prevention_lower": Action(
        do="Call the {group} ninety days before they can leave",
        test="Call a random half of the {group} ninety days before they can leave; compare after a year",
        owner="Customer success",
        change="No more accounts kept among those called than among those left alone.",
    ),
    "churn_prevention_higher": Action(
        do="Offer what sets {group} apart to the others",
        test="Offer what sets {group} apart to a random half of the others; compare after a year",
        owner="Customer success",
        change="No more accounts kept among those offered it than among the rest.",
    ),
    "expansion_lower": Action(
        do="Find out what holds {group} back before asking them for more",
        test="Ask ten of the {group} what holds them back, then try one change on a random half",
        owner="Account management",
        change="A changed half that grows no faster than the other.",
    ),
    "expansion_higher": Action(
        do="Give {group} first call on account managers' time",
        test="Give a random half of the {group} first call on account managers' time; compare growth after a year",
        owner="Account management",
        change="A favoured half that grows no faster than the other.",
    ),
    "pricing_packaging_lower": Action(
        do="Rework what {group} get for their money",
        test="Try one change of price or package on a random half of the {group} when they renew",
        owner="Pricing, with product",
        change="A changed half that does no better.",
    ),
    "pricing_packaging_higher": Action(
        do="Lead new customers to what {group} have",
        test="Offer a random half of new customers what {group} have; compare after a year",
        owner="Pricing, with sales",
        change="New customers who take it and stay no longer: then it only drew those who would have stayed anyway.",
    ),
    "market_focus_lower": Action(
        do="Stop going out of the way to win {group}",
        test="For a quarter, stop seeking out {group} in half of the sales territories; compare revenue won and kept",
        owner="The head of sales, with marketing",
        change="Territories that do no better without them.",
    ),
    "market_focus_higher": Action(
        do="Look for more {group}",
        test="For a quarter, put a tenth more effort into winning {group}; compare who stays",
        owner="The head of sales, with marketing",
        change="New customers of that kind who stay no longer than others.",
    ),
    "success_allocation_lower": Action(
        do="Move success time to {group}",
        test="Give a random half of the {group} a named contact; compare after a year",
        owner="The head of customer success",
        change="A half with a contact that stays no longer than the other.",
    ),
    "success_allocation_higher": Action(
        do="Find out what {group} get that others do not, and give it to the next group",
        test="Give a random half of another group what {group} get; compare after a year",
        owner="The head of customer success",
        change="A treated half that stays no longer than the other.",
    ),
    "product_lower": Action(
        do="Mend what {group} run into before building anything new for them",
        test="Watch ten of the {group} at work, mend one thing for a random half; compare after a year",
        owner="Product",
        change="A half with the change that stays no longer than the other.",
    ),
    "product_higher": Action(
        do="Bring more accounts to what sets {group} apart, within their first three months",
        test="Guide a random half of new accounts to what sets {group} apart; compare after a year",
        owner="Product",
        change="Guided accounts that stay no longer: then use was a sign of a good fit, not its cause.",
    ),
    # Regular use of a feature: a behaviour, not a group.
    "product_use": Action(
        do="Bring more accounts to {subject}, within their first three months",
        test="Guide a random half of new accounts to {subject}; compare who is left after a year",
        owner="Product, with customer success",
        change="Guided accounts that stay no longer: then use was a sign of good health, not its cause.",
    ),
    "product_use_growth": Action(
        do="Bring more accounts to {subject} before asking them for more",
        test="Guide a random half of accounts to {subject}; compare growth after a year",
        owner="Product, with account management",
        change="Guided accounts that grow no faster: then use was a sign of good health, not its cause.",
    ),
    "product_use_harm": Action(
        do=None,
        test="Watch ten accounts with {subject} at work, and mend one thing for a random half",
        owner="Product",
        change="A half with the change that leaves no less and grows no more: then the use only marks who was going.",
    ),
    # What accounts said: a sign that something is right or wrong, and no lever. So it is tested whatever the evidence.
    "satisfaction_lower": Action(
        do=None,
        test="Ask a random half of the {group} what is wrong, and mend one thing for each; compare after a year",
        owner="Customer success, with product",
        change="A half that was asked and stays no longer than the other.",
    ),
    "satisfaction_higher": Action(
        do=None,
        test="Bring a random half of the other accounts that answered closer to what {group} do and praise; compare "
        "after a year",
        owner="Customer success, with product",
        change="A half brought closer that stays no longer: then use and praise only marked who would stay.",
    ),
    # Something done in the first days: a behaviour that new accounts can be helped to.
    "first_days_higher": Action(
        do="Help every new account to {subject}",
        test="Help a random half of new accounts to {subject}; compare who is left after a year",
        owner="Customer success, with product",
        change="Helped accounts that stay no longer: then a good start was a sign of a good fit, not its cause.",
    ),
    "first_days_lower": Action(
        do=None,
        test="Watch ten new accounts with {subject}, and mend one thing for a random half; compare after a year",
        owner="Customer success, with product",
        change="A half with the change that leaves no less: then the start only marks who was going.",
    ),
    # A kind of use, journey or value: a sign of how an account does, and no lever. Tested whatever the evidence.
    "kind_lower": Action(
        do=None,
        test="Ask a random half of the {group} what holds them back, and mend one thing for each; compare after a year",
        owner="Customer success",
        change="A half that was asked and stays no longer than the other.",
    ),
    "kind_higher": Action(
        do=None,
        test="Bring a random half of the other accounts closer to what {group} do; compare after a year",
        owner="Customer success, with product",
        change="A half brought closer that stays no longer: then the kind only marked who would stay.",
    ),
    "sales_incentives_lower": Action(
        do="Pay commission on {group} in part after the first renewal",
        test="In one sales team, pay commission on {group} in part after the first renewal; compare with the others",
        owner="The head of sales",
        change="A team paid so whose accounts stay no longer than the others'.",
    ),
    "sales_incentives_higher": Action(
        do="Weight commission towards accounts like {group}",
        test="In one sales team, weight commission towards accounts like {group}; compare with the others",
        owner="The head of sales",
        change="A team paid so whose accounts stay no longer than the others'.",
    ),
    "marketing_spend_lower": Action(
        do="Move spend away from what brings {group}",
        test="For a quarter, move a tenth of spend away from what brings {group}; compare cost and stay of what comes",
        owner="Marketing",
        change="A low enough cost of winning them: then they pay in spite of leaving sooner.",
    ),
    "marketing_spend_higher": Action(
        do="Move spend towards what brings {group}",
        test="For a quarter, move a tenth of spend towards what brings {group}; compare cost and stay of what comes",
        owner="Marketing",
        change="A cost of winning them that eats the gain.",
    ),
}
"""What can be done, by key. A finding names its own in ``action``, else it is found by metric, area and direction."""


@dataclass(frozen=True)
class Decision:
    """Something to do, to test or to watch, resting on one finding and its like.

    Attributes
    ----------
    area : one of `AREAS`
    action : key into `ACTIONS`
    certainty : how sure
    lead : the finding it rests on; the one with the most money of its group
    also : further findings that passed the gate about the same thing
    q : the lead's p-value, adjusted over all candidates; None for facts
    """

    area: str
    action: str
    certainty: Certainty
    lead: Finding
    also: tuple[Finding, ...] = ()
    q: float | None = None

    @property
    def anchor(self) -> str:
        """Where its card is on the front page."""
        return f"decision-{self.lead.chapter}-{self.lead.id}"

    @property
    def rank(self) -> float:
        """What it is ranked by: the lower end of its money; of a fact, the money."""
        finding = self.lead
        worth = finding.money if finding.kind == "fact" else finding.money_low
        return worth if worth is not None else 0.0

    @property
    def tier(self) -> int:
        """What is acted on comes before what is watched; money at stake before money already gained."""
        if self.certainty in ("Watch", "Not enough evidence"):
            return 2
        return 1 if ACTIONS[self.action].worth == GAIN else 0

    def do(self, words: Words) -> str:
        """What to do, as an imperative, safe for Markdown."""
        action = ACTIONS[self.action]
        if self.certainty == "Test first":
            text = action.test
        elif self.certainty == "Do it":
            text = action.do
        else:
            about = "{group}" if self.lead.kind == "association" and self.lead.segment else "the {subject}"
            text = f"Keep an eye on {about}; do not act yet"
        return self._filled(text, words)

    def worth(self, words: Words, *, brief: bool = False) -> str:
        """The money, in as many digits as it carries, and over which time; empty where none was reckoned.

        ``brief`` leaves the dates of a counted amount out and calls an estimated one "a year", as its money is.
        """
        finding = self.lead
        if finding.kind == "fact":
            money = words.money(finding.money)
            when = "" if brief else finding.money_period or "in the last 12 months"
        elif finding.money_low is None or finding.money_high is None:
            return ""
        else:
            money = words.money_range(finding.money_low, finding.money_high)
            when = "a year" if brief else finding.money_period or "a year"
        text = ACTIONS[self.action].worth.format(money=money, period=words.escape(when))
        return re.sub(" +", " ", text).strip()

    def owner(self, words: Words) -> str:
        """Who would do it."""
        return words.spelling(ACTIONS[self.action].owner)

    def why(self, words: Words) -> str:
        """The finding, in one sentence."""
        return self.lead.statement(words)

    def would_change(self, words: Words) -> str:
        """What would change our mind."""
        return self._filled(ACTIONS[self.action].change, words)

    def _filled(self, text: str, words: Words) -> str:
        return words.spelling(text).format(group=self.lead.group(words), subject=words.escape(self.lead.subject))


@dataclass(frozen=True)
class Verdict:
    """Where one of the eight areas stands.

    ``certainty`` is that of its best decision; "Not enough evidence" where contrasts were tested and none was clear;
    None where nothing was studied, and then ``needs`` says which tables would let it be.
    """

    area: str
    certainty: Certainty | None
    decisions: tuple[Decision, ...] = ()
    tested: tuple[Finding, ...] = ()
    facts: tuple[Finding, ...] = ()
    needs: tuple[str, ...] = ()
    barred: bool = False


@dataclass(frozen=True)
class Decisions:
    """Everything the gate let through, ranked, and everything it did not, by reason.

    Attributes
    ----------
    ranked : decisions, best first
    areas : the eight areas, each with its verdict
    tested : how many contrasts the correction ran over
    q : the share of false leads accepted among decisions
    unclear : contrasts tested that are not clear at ``q``
    few_accounts : contrasts clear at ``q`` that a few accounts decide
    too_small : contrasts of groups too small to show
    compared : contrasts that were tested
    not_studied : what needs further tables
    retention_known : False where the data may not show retention, so nothing was decided on it
    """

    ranked: tuple[Decision, ...]
    areas: tuple[Verdict, ...]
    tested: int
    q: float
    unclear: tuple[Finding, ...]
    few_accounts: tuple[Finding, ...]
    too_small: tuple[Finding, ...]
    compared: tuple[Finding, ...]
    not_studied: tuple[Finding, ...]
    retention_known: bool


def decide(
    findings: Iterable[Finding], *, q: float = 0.05, retention_known: bool = True, tables: Sequence[str] = ()
) -> Decisions:
    """Gate and rank findings into decisions.

    Contrasts are corrected together (Benjamini–Hochberg over every association that is shown), starting from their raw
    p-values, so that a chapter that tests more cannot find more by chance; and they must be clear among those of their
    own family as well, or the page that is their evidence would say that they are not. Those that pass become "Do it"
    (design A or B) or "Test first" (design C); "Watch" where the lower end of their money is not above nothing.
    Accounting facts need no test; those below `MATERIAL` of recurring revenue, or of fewer than `FEW` accounts, are
    watched. Ranked by `Decision.tier`, within it by `Decision.rank`, falling.

    Parameters
    ----------
    findings : all that the chapters recorded
    q : the share of false leads accepted among decisions
    retention_known : False if the data may not show retention at all: then no contrast and no fact is decided on.
        A single finding says so by its own ``retention_known``
    tables : the contract's tables that the data have, to tell "needs a table" from "no chapter looks at it yet"
    """
    records = sorted(findings, key=lambda finding: (finding.chapter, finding.id))
    associations = [finding for finding in records if finding.kind == "association"]
    family = [finding for finding in associations if finding.shown and _retention_known(finding, retention_known)]
    adjusted = benjamini_hochberg([finding.p for finding in family])
    passed = {
        id(finding): value
        for finding, value in zip(family, adjusted, strict=True)
        if value <= q and (finding.p_adjusted is None or finding.p_adjusted <= q)
    }

    contrasts: dict[str, list[Finding]] = {}
    for finding in family:
        if id(finding) in passed and not finding.few_accounts and finding.area in AREAS and action_of(finding):
            # Both sides of one attribute, and its several metrics, say one thing, whichever chapter saw it.
            attribute = (finding.segment or finding.subject).partition("=")[0].strip().lower()
            contrasts.setdefault(attribute, []).append(finding)
    facts: dict[tuple[str, str], list[Finding]] = {}
    for finding in records:
        if finding.kind == "fact" and _counts(finding) and _retention_known(finding, retention_known):
            facts.setdefault((finding.area, ACTIONS[action_of(finding)].topic), []).append(finding)
    material = MATERIAL * _arr(records)
    decisions = [_of_contrasts(group, passed) for group in contrasts.values()]
    decisions += [_of_facts(group, material) for group in facts.values()]
    ranked = tuple(sorted(decisions, key=lambda each: (each.tier, -each.rank, each.anchor)))
    return Decisions(
        ranked=ranked,
        areas=tuple(_verdict(area, ranked, records, family, tables, retention_known) for area in AREAS),
        tested=len(family),
        q=q,
        unclear=tuple(finding for finding in family if id(finding) not in passed),
        few_accounts=tuple(finding for finding in family if id(finding) in passed and finding.few_accounts),
        too_small=tuple(finding for finding in associations if not finding.shown),
        compared=tuple(family),
        not_studied=tuple(finding for finding in records if finding.kind == "not_studied"),
        retention_known=retention_known and all(finding.retention_known for finding in records),
    )


def action_of(finding: Finding) -> str | None:
    """The key of what can be done about a finding; None where nothing is declared for it."""
    for key in (finding.action, finding.metric if finding.kind == "fact" else None):
        if key in ACTIONS:
            return key
    if finding.kind == "association" and finding.direction in ("higher", "lower"):
        key = f"{finding.area}_{finding.direction}"
        return key if key in ACTIONS else None
    if finding.kind == "association" and finding.direction == "unknown":
        return "difference"
    return None


def detectable(finding: Finding) -> float | None:
    """The smallest difference that a contrast of this precision would find four times in five, tested alone at 5 %.

    (1.96 + 0.84) standard errors, read off the interval. The correction over many contrasts asks for more.
    """
    if finding.low is None or finding.high is None:
        return None
    standard_error = (finding.high - finding.low) / 2 / NormalDist().inv_cdf(0.5 + (finding.level or 0.95) / 2)
    return standard_error * (NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8))


def _of_contrasts(group: Sequence[Finding], passed: dict[int, float]) -> Decision:
    ordered = sorted(group, key=lambda each: (-_low(each), passed[id(each)], each.id))
    lead = ordered[0]
    action = ACTIONS[action_of(lead)]
    certainty: Certainty = "Watch"
    if _low(lead) > 0 and action.do and lead.design in ("A", "B"):
        certainty = "Do it"
    elif _low(lead) > 0 and action.test:
        certainty = "Test first"
    return Decision(lead.area, action_of(lead), certainty, lead, tuple(ordered[1:]), passed[id(lead)])


def _of_facts(group: Sequence[Finding], material: float) -> Decision:
    ordered = sorted(group, key=lambda each: (-each.money, each.id))
    lead = ordered[0]
    certainty: Certainty = "Watch"
    if lead.money >= material and not rests_on_few(lead):
        certainty = "Do it" if ACTIONS[action_of(lead)].do else "Test first"
    return Decision(lead.area, action_of(lead), certainty, lead, tuple(ordered[1:]))


def rests_on_few(finding: Finding) -> bool:
    """Whether a fact is of so few accounts, or so few decide it, that it tells of them and not of the business."""
    return finding.few_accounts or (finding.n is not None and finding.n < FEW)


def _counts(finding: Finding) -> bool:
    """Whether a fact has money that something can be done about."""
    return (
        finding.shown
        and finding.area in AREAS
        and finding.money is not None
        and finding.money > 0
        and action_of(finding) is not None
    )


def _low(finding: Finding) -> float:
    return finding.money_low if finding.money_low is not None else float("-inf")


def _retention_known(finding: Finding, everywhere: bool) -> bool:
    return everywhere and finding.retention_known


def _arr(findings: Sequence[Finding]) -> float:
    """Annual recurring revenue, if a chapter recorded it; else nothing is too small."""
    return next((f.estimate for f in findings if f.metric == "arr" and not f.segment and f.estimate is not None), 0.0)


def _verdict(
    area: str,
    ranked: Sequence[Decision],
    records: Sequence[Finding],
    family: Sequence[Finding],
    tables: Sequence[str],
    retention_known: bool,
) -> Verdict:
    own = [decision for decision in ranked if decision.area == area]
    shared = [d for d in ranked if d.area != area and any(finding.area == area for finding in d.also)]
    decisions = (*own, *shared)
    tested = tuple(finding for finding in family if finding.area == area)
    facts = tuple(f for f in records if f.area == area and f.kind in ("fact", "estimate"))
    recorded = [f for f in records if f.area == area]
    needs = tuple(sorted({need for f in recorded if f.kind == "not_studied" for need in f.needs}))
    if decisions:
        return Verdict(area, decisions[0].certainty, decisions, tested, facts)
    barred = any(not _retention_known(f, retention_known) for f in recorded if f.kind != "not_studied")
    if barred or tested or facts or any(f.kind == "association" for f in recorded):
        return Verdict(area, "Not enough evidence", (), tested, facts, needs, barred)
    present = {*tables, *(STANDS_FOR[table] for table in tables if table in STANDS_FOR)}
    missing = needs or tuple(need for need in NEEDS.get(area, ()) if need not in present)
    if area in STUDIED and present and not missing:
        return Verdict(area, "Not enough evidence")
    return Verdict(area, None, (), (), (), missing)
