"""The front page as Markdown: the state of the business, decisions, and what is not known.

Each function writes one part of the page from findings or decisions alone, in the markup that both publishers read. A
part with nothing to say is an empty string or says that there is nothing; none invents a number.
"""

from __future__ import annotations

import re
import statistics
from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date

from customer_value.strategy.decisions import AREAS, USES, Decision, Decisions, Verdict, detectable, rests_on_few
from customer_value.strategy.findings import Finding, table_list, uncapital
from customer_value.strategy.wording import Words

HEADLINES = ("arr", "nrr", "grr", "logo_retention", "share_still_here", "accounts")
"""Metrics of the headline figures, in their order; the number of accounts only where revenue does not carry it, the
share still here only where there is no retention between two closes."""

MOST_LISTED = 5
"""How many decisions beyond the cards are named of those to act on, and of those to watch."""

THIN = 30
"""Accounts below which a share of the whole company is told as a count, and nothing is concluded from it."""

_CLASSES = {
    "Do it": "do-it",
    "Test first": "test-first",
    "Watch": "watch",
    "Not enough evidence": "not-enough",
}

_DESIGNS = {
    "A": ", and who was in which group was drawn by lot.",
    "B": ", and still there after adjusting for what else differs.",
    "C": ", but a plain comparison: such groups differ in other ways too.",
}

_LABELS = {
    "arr": "Annual recurring revenue",
    "nrr": "Net revenue retention",
    "grr": "Gross revenue retention",
    "logo_retention": "Accounts kept",
    "share_still_here": "Accounts still here",
    "accounts": "Accounts",
}


def headline_findings(findings: Sequence[Finding]) -> list[Finding]:
    """The findings behind the headline figures: the whole company's, at most one a metric."""
    chosen = []
    for metric in HEADLINES:
        found = _still_here(findings) if metric == "share_still_here" else _whole_company(findings, metric)
        # Recurring revenue names its accounts beneath it: a figure of their own would say them twice.
        if found is not None and not (metric == "accounts" and any(each.metric == "arr" and each.n for each in chosen)):
            chosen.append(found)
    return chosen


def sparkline_values(findings: Sequence[Finding]) -> dict[str, list[float | None]]:
    """Monthly values behind the headline figures, by the finding's id; none for those without a course to show."""
    return {
        finding.id: [point.value for point in finding.series]
        for finding in headline_findings(findings)
        if sum(point.value is not None for point in finding.series) > 1
    }


def answer(findings: Sequence[Finding], words: Words, *, retention_known: bool = True) -> str:
    """The page's first heading: how the business stands, in a line."""
    if not retention_known:
        return "These data cannot say how well customers are kept"
    net = _whole_company(findings, "nrr")
    still = _still_here(findings)
    if net is None and still is None:
        return "There is no figure yet for how well customers are kept"
    if _thin(net or still):
        return "Too few accounts to say how well customers are kept"
    if net is None:
        return _capital(words.out_of_100(still.estimate, None, None, _staying(still)))
    verdict = words.compare(net.estimate, net.low, net.high, none=1.0)
    if net.few_accounts:
        return "A few accounts decide whether revenue from existing customers grows or shrinks"
    if verdict == "higher":
        return "Existing customers pay more than they did: growth outweighs losses"
    if verdict == "lower":
        return "Existing customers pay less than they did: growth does not make up for losses"
    return "Whether growth among existing customers makes up for losses is not clear"


def state(
    findings: Sequence[Finding],
    words: Words,
    *,
    as_of: date | None = None,
    start: date | None = None,
    end: date | None = None,
    retention_known: bool = True,
) -> str:
    """Three sentences on the state of the business: its size, what it keeps, and whether growth makes up for losses.

    Parameters
    ----------
    as_of : the day whose close the report describes, for figures that do not carry months of their own
    start, end : the closes that retention is measured between
    retention_known : False if the data may not show retention: then the sentences say so and why
    """
    sentences = [_size(findings, words, as_of)]
    if retention_known:
        sentences += [_kept(findings, words, start, end), _balance(findings, words, start, end)]
    else:
        sentences += [
            "Nothing can be concluded about retention: the table does not say how its accounts were observed.",
            "Accounts that left earlier may be missing, and then the share that left says little about length of stay.",
        ]
    found = [sentence for sentence in sentences if sentence]
    return " ".join(found) if found else "No chapter recorded how the business stands."


def observation_warning(words: Words) -> str:
    """What to declare or bring so that a flat table can say something about retention."""
    return words.spelling(
        "The data are one table with a row an account. It may hold everybody who ever signed up, or only those who "
        "were there in one month and whether they left in it. The two need different reckoning, and nothing in the "
        "table tells them apart. So no decision about retention is made here.\n\n"
        "To change that, declare in the mapping `observation: followed_from_start` (everybody who ever signed up is in "
        "the table) or `observation: snapshot` with its window in months. Better still, bring the table of "
        "subscriptions with start and end dates: it also brings revenue, cohorts and segments."
    )


def headlines(
    findings: Sequence[Finding],
    words: Words,
    *,
    sparklines: Mapping[str, str] | None = None,
    start: date | None = None,
    end: date | None = None,
) -> str:
    """The headline figures: value, range, n and a sparkline each; empty if no chapter recorded any.

    Where all ranges rest on the same accounts, `headline_note` says how many, once.

    Parameters
    ----------
    sparklines : paths of the pictures, as seen from the page, by the finding's id
    start, end : the closes that retention is measured between; said with the figures unless about a year apart
    """
    chosen = headline_findings(findings)
    shared = _shared_size(chosen)
    # Of a handful of accounts a count says what there is to say, and shares of their revenue nothing.
    thin = any(_thin(finding) for finding in chosen if finding.unit == "share")
    span = _other_than_a_year(start, end, words)
    blocks = []
    for finding in chosen:
        if thin and finding.unit == "share" and finding.metric != "logo_retention":
            continue
        label = words.escape(finding.label) or _LABELS[finding.metric]
        if span and finding.unit == "share" and finding.metric != "share_still_here":
            label = f"{label} over {span}"
        value = words.value(finding.estimate, finding.unit)
        beneath = words.range(finding.low, finding.high, finding.unit) if _has_range(finding) else ""
        size = ""
        if finding.n is not None and finding.metric != "accounts" and not (_has_range(finding) and shared):
            size = words.plural(finding.n, re.sub("^accounts", "account", finding.n_of), finding.n_of)
        if thin and finding.unit == "share":
            value, beneath, size = words.count(round(finding.estimate * (finding.n or 0)), finding.n), "", ""
        rest = " · ".join(part for part in (beneath, size) if part)
        lines = [f"[{label}]{{.label}}", "", f"[{value}]{{.value}}"]
        if rest:
            lines[-1] += f" [{rest}]{{.range}}"
        path = (sparklines or {}).get(finding.id)
        if path:
            lines += ["", f'![]({path}){{.sparkline fig-alt="{sparkline_alt(finding, words)}"}}']
        if finding.few_accounts:
            lines += ["", "[A few accounts decide this]{.change}"]
        blocks.append("::: {.headline}\n" + "\n".join(lines) + "\n:::")
    if not blocks:
        return ""
    return "::: {.headlines}\n\n" + "\n\n".join(blocks) + "\n\n:::"


def sparkline_alt(finding: Finding, words: Words) -> str:
    """A sparkline in words: "Net revenue retention by month, from 99.2% in Jan 2023 to 98.9% in Dec 2024"."""
    points = [point for point in finding.series if point.value is not None]
    label = re.sub(r'["\\]', "", finding.label or _LABELS.get(finding.metric, finding.subject))
    if not points:
        return f"{label} by month: no values"
    ends = [
        f"{words.share(p.value, 1) if finding.unit == 'share' else words.value(p.value, finding.unit)} in "
        f"{words.month(p.month)}"
        for p in (points[0], points[-1])
    ]
    return f"{label} by month, from {ends[0]} to {ends[1]}"


def headline_note(
    findings: Sequence[Finding], words: Words, *, start: date | None = None, end: date | None = None
) -> str:
    """What the headline figures measure, in a line under them; empty without any."""
    chosen = headline_findings(findings)
    parts = []
    if start and end and any(finding.unit == "share" for finding in chosen):
        size = _shared_size(chosen)
        who = words.plural(size, "account") if size else "accounts"
        verb = "was" if size == 1 else "were"
        parts.append(
            f"Retention is of the {who} that {verb} active at the close of {words.date(start)}, seen again at the "
            f"close of {words.date(end)}."
        )
    ranges = [f for f in chosen if _has_range(f)]
    if ranges and not any(_thin(finding) for finding in ranges):
        levels = {finding.level for finding in ranges if finding.level}
        at = f"{words.share(levels.pop())} intervals" if len(levels) == 1 else "intervals"
        parts.append(f"Ranges are {at}: what the true figure could well be with this many accounts.")
    if any(finding.series for finding in chosen):
        parts.append("Lines run month by month.")
    return f"::: {{.note}}\n{' '.join(parts)}\n:::" if parts else ""


def cards(decisions: Decisions, words: Words, *, most: int = 5) -> str:
    """The decision cards, best first, and the others as a short list: those to act on, then those to watch in a line.

    Without any decision it says so, and why.

    Parameters
    ----------
    most : how many decisions to act on get a card; 0 for a list alone

    Raises
    ------
    ValueError : ``most`` is negative
    """
    if most < 0:
        raise ValueError(f"most must not be negative, got: {most}")
    if not decisions.ranked:
        return _no_decision(decisions, words)
    # What is only watched asks for nothing, so it takes no card from the reader's five minutes.
    chosen = [decision for decision in decisions.ranked if decision.certainty != "Watch"][:most]
    shown = "\n\n".join(_card(decision, decisions, words) for decision in chosen)
    parts = [f"::: {{.cards}}\n\n{shown}\n\n:::"] if shown else []
    lines = _further([decision for decision in decisions.ranked if decision not in chosen], words)
    if lines:
        parts.append(("Further down the list:\n\n" if shown else "") + "\n".join(f"- {line}" for line in lines))
    if any(decision.lead.kind == "association" and decision.worth(words) for decision in decisions.ranked):
        parts.append(
            "“At most” is the recurring revenue a year that goes with a difference between groups (80% interval): what "
            "there would be to gain were the difference wholly cause and effect. Amounts overlap; do not add them up."
        )
    return "\n\n".join(parts)


def unknowns(decisions: Decisions, words: Words) -> str:
    """What is not known, and what would tell: open comparisons, small groups, missing tables."""
    lines = []
    if decisions.unclear:
        lines.append(f"Too little evidence: {_unclear(decisions, words)}.{_power(decisions.unclear, words)}")
        open_question = max(decisions.unclear, key=lambda f: (f.money_high or 0.0, f.id))
        if open_question.money_high:
            lines.append(f"The open question with most money in it: {_lower(_statement(open_question, words))}")
    if decisions.few_accounts:
        groups = _groups(decisions.few_accounts, words)
        lines.append(f"A few accounts decide the difference for {groups}, so no decision rests on it.")
    lines += _too_small(decisions, words)
    lines += _not_studied(decisions.not_studied, words)
    if any(decision.lead.kind == "association" for decision in decisions.ranked):
        lines.append(
            "Whether any difference between groups is cause and effect: groups differ in more than what names them."
        )
    if not lines:
        lines.append(
            "Nearly everything: no chapter recorded a comparison."
            if not decisions.ranked
            else "No comparison between groups was recorded, so nothing is known of which customers stay longer."
        )
    return "::: {.unknowns}\n" + "\n".join(f"- {line}" for line in lines) + "\n:::"


def areas(decisions: Decisions, words: Words) -> str:
    """The eight areas of decision, each with its verdict; those that nothing is known of share a line."""
    named: dict[str, list[str]] = {}
    for verdict in decisions.areas:
        named.setdefault(_verdict(verdict, decisions, words), []).append(words.spelling(AREAS[verdict.area]))
    lines = []
    for text, names in named.items():
        together = ", ".join([names[0], *(_lower(name) for name in names[1:])])
        lines.append(f"- **{together}.** {text}")
    return "\n".join(lines)


def method(decisions: Decisions, words: Words) -> str:
    """How findings became decisions, in plain words, with this report's numbers: a fold at the foot of the page."""
    tested = (
        f"{words.plural(decisions.tested, 'comparison')} between groups "
        f"{'was' if decisions.tested == 1 else 'were'} tested. "
        if decisions.tested
        else "No comparison between groups was tested. "
    )
    text = words.spelling(
        f"Everything on this page is computed from what the chapters recorded; nothing is typed by hand. {tested}Many "
        "looks find something by chance, so all of them are corrected together: of those let through, about "
        f"{words.share(decisions.q)} at most should be false leads. A comparison that passes is “Do it” only if it was "
        "adjusted for what else differs; a plain comparison is “Test first”. It is “Watch” if its money could be "
        "nothing or was not reckoned. Amounts counted from the subscriptions need no test: they happened. What acting "
        "on them brings back is another matter, and each card says what would show it. Losses and links come first, "
        "then gains already made, then what is only watched; within each, cards are ranked by their money: the amount "
        "where it was counted, the lower end of its range where it was estimated. No decision rests on a group that a "
        "few large accounts decide."
    )
    return f'::: {{.callout-note .method collapse="true" title="How this page is made"}}\n{text}\n:::'


def page_link(evidence: str) -> str:
    """Where a finding's evidence is, as the front page links to it; empty if it names no page.

    Reads ``revenue#tbl-x``, ``revenue.ipynb#tbl-x``, ``../notebooks/revenue.html#tbl-x`` alike.
    """
    page, _, anchor = evidence.partition("#")
    stem = re.sub(r"\.(ipynb|html|qmd)$", "", page.rpartition("/")[2])
    if not re.fullmatch(r"[A-Za-z0-9_-]+", stem) or not re.fullmatch(r"[A-Za-z0-9_.:-]*", anchor):
        return ""
    return f"notebooks/{stem}.ipynb" + (f"#{anchor}" if anchor else "")


def _whole_company(findings: Sequence[Finding], metric: str) -> Finding | None:
    return next(
        (
            finding
            for finding in findings
            if finding.metric == metric
            and finding.kind in ("fact", "estimate")
            and not finding.segment
            and finding.estimate is not None
        ),
        None,
    )


def _still_here(findings: Sequence[Finding]) -> Finding | None:
    """The share still here at an age, which stands for retention where no two closes can be compared."""
    found = _whole_company(findings, "share_still_here")
    if found is None or not found.retention_known or _whole_company(findings, "nrr") is not None:
        return None
    return found


def _staying(finding: Finding) -> str:
    """What the share still here says of an account: "are still here after 12 months"."""
    text = uncapital(finding.label) or f"are {finding.subject.removeprefix('accounts ')}"
    return f"are {text}" if text.startswith("still") else text


def _shared_size(findings: Sequence[Finding]) -> int | None:
    """How many accounts the ranges rest on, if it is the same for all of them and there is more than one."""
    sizes = [finding.n for finding in findings if _has_range(finding) and finding.n_of == "accounts"]
    return sizes[0] if len(sizes) > 1 and sizes[0] is not None and len(set(sizes)) == 1 else None


def _has_range(finding: Finding) -> bool:
    return finding.low is not None and finding.high is not None


def _size(findings: Sequence[Finding], words: Words, as_of: date | None) -> str:
    arr, accounts = _whole_company(findings, "arr"), _whole_company(findings, "accounts")
    # Month-grain figures end with the last whole month, which may be before the as-of day.
    dated = next((f for f in (arr, accounts) if f and f.series), None)
    day = _month_end(dated.series[-1].month) if dated else as_of
    opening = f"At the close of {words.date(day)}, " if day else ""
    if arr and accounts:
        text = f"{words.plural(accounts.estimate, 'account')} paid {words.money(arr.estimate)} a year"
    elif arr:
        text = f"recurring revenue ran at {words.money(arr.estimate)} a year"
    elif accounts:
        verb = "was" if accounts.estimate == 1 else "were"
        text = f"there {verb} {words.plural(accounts.estimate, 'account')}"
        if not day:
            text = f"the data hold {words.plural(accounts.estimate, 'account')}"
    else:
        return ""
    sentence = f"{opening}{text}."
    return _capital(sentence)


def _kept(findings: Sequence[Finding], words: Words, start: date | None, end: date | None) -> str:
    logos, gross, net = (_whole_company(findings, metric) for metric in ("logo_retention", "grr", "nrr"))
    when = f"Between {words.date(start)} and {words.date(end)}, " if start and end else "Over the period, "
    if logos and _thin(logos):
        stayed = words.count(round(logos.estimate * logos.n), logos.n)
        return f"{when}{stayed} accounts stayed: too few for shares to mean much."
    parts = []
    if logos:
        parts.append(words.out_of_100(logos.estimate, logos.low, logos.high, "stayed"))
    if gross and net:
        parts.append(
            f"of every {_hundred(words, 1.0)} they paid, {_of_hundred(gross, words)} was kept, and growth among those "
            f"who stayed made it {_of_hundred(net, words)}"
        )
    elif gross:
        parts.append(f"of every {_hundred(words, 1.0)} they paid, {_of_hundred(gross, words)} was kept")
    elif net:
        parts.append(f"every {_hundred(words, 1.0)} they paid became {_of_hundred(net, words)}")
    if parts:
        return f"{when}{'; '.join(parts)}."
    still = _still_here(findings)
    if still is None:
        return ""
    if _thin(still):
        return "Too few accounts are followed for shares to mean much."
    text = _capital(words.out_of_100(still.estimate, still.low, still.high, _staying(still)))
    later = [f for f in findings if f.metric == still.metric and not f.segment and f is not still and f.shown]
    further = [f"out of 100, {words.number(100 * f.estimate)} {_staying(f)}" for f in later if f.estimate is not None]
    caveat = f" {still.caveat}" if still.caveat else ""
    return f"{'; '.join([text, *further])}.{caveat}"


def _balance(findings: Sequence[Finding], words: Words, start: date | None, end: date | None) -> str:
    net = _whole_company(findings, "nrr")
    if net is None or _thin(net):
        return ""
    unclear = "That range includes standing still, so growth cannot be told from decline"
    span = _other_than_a_year(start, end, words)
    if span:
        texts = {
            "higher": f"Over these {span} the business would have grown even without new customers",
            "lower": f"Over these {span} the business would have shrunk without new customers",
        }
    else:
        texts = {
            "higher": "At this rate the business would grow even without new customers",
            "lower": "At this rate the business would shrink without new customers",
        }
    text = texts.get(words.compare(net.estimate, net.low, net.high, none=1.0), unclear)
    return f"{text}{', and a few large accounts decide it' if net.few_accounts else ''}."


def _other_than_a_year(start: date | None, end: date | None, words: Words) -> str:
    """The length of a period that is not about twelve months, as text: "6 months"; empty for a year or if unknown."""
    if start is None or end is None or abs((end - start).days - 365.25) <= 7:
        return ""
    months = (end - start).days / (365.25 / 12)
    return words.months(round(months)) if months >= 1.5 else words.plural((end - start).days, "day")


def _thin(finding: Finding) -> bool:
    """Whether a share of the whole company rests on so few accounts that it is better told as a count."""
    return finding.n is not None and finding.n < THIN


def _hundred(words: Words, of: float) -> str:
    return f"{words.currency_sign}{words.number(of * 100)}"


def _of_hundred(finding: Finding, words: Words) -> str:
    text = _hundred(words, finding.estimate)
    if not _has_range(finding):
        return text
    return f"{text} ({words.number(finding.low * 100)} to {words.number(finding.high * 100)})"


def _no_decision(decisions: Decisions, words: Words) -> str:
    if not decisions.retention_known:
        return (
            "No decision is made: these data cannot say how well customers are kept, and every decision here would "
            "rest on that."
        )
    if not decisions.tested:
        return "No decision is made: no chapter recorded a comparison or an amount that something could be done about."
    return (
        f"No decision is made: {words.plural(decisions.tested, 'comparison')} between groups, and none is clear enough "
        "to act on or to test."
    )


def _card(decision: Decision, decisions: Decisions, words: Words) -> str:
    worth = decision.worth(words, brief=True)
    badge = f"[{decision.certainty}]{{.certainty}}"
    if worth:
        badge += f" [{_capital(worth)}]{{.worth}}"
    terms = [("Evidence", _evidence(decision, words)), ("How sure", _how_sure(decision, decisions, words))]
    terms += [("Who", decision.owner(words)), ("What would change our mind", decision.would_change(words))]
    lines = [
        f"::: {{#{decision.anchor} .card .{_CLASSES[decision.certainty]}}}",
        f"### {decision.do(words)}",
        "",
        badge,
        "",
        decision.why(words),
        "",
        "\n\n".join(f"{term}\n:   {text}" for term, text in terms),
        ":::",
    ]
    return "\n".join(lines)


def _evidence(decision: Decision, words: Words) -> str:
    links: dict[str, None] = {}
    for finding in (decision.lead, *decision.also):
        amount = f" ({words.money(finding.money)})" if finding.kind == "fact" and finding is not decision.lead else ""
        links.setdefault(f"{_linked(finding, words)}{amount}")
    shown = list(links)
    more = f" and {words.plural(len(shown) - 3, 'further finding')}" if len(shown) > 3 else ""
    return "; ".join(shown[:3]) + more


def _linked(finding: Finding, words: Words) -> str:
    text = _capital(finding.name(words))
    link = page_link(finding.evidence)
    return f"[{text}]({link})" if link else text


def _how_sure(decision: Decision, decisions: Decisions, words: Words) -> str:
    lead = decision.lead
    if lead.kind == "fact":
        text = "Counted, not estimated. How much acting on it would bring is not known."
    else:
        text = (
            f"Clear among the {words.plural(decisions.tested, 'comparison')} tested"
            if decisions.tested > 1
            else "Clear, in the one comparison tested"
        )
        # A caveat of the chapter's own says it better.
        text += "." if lead.caveat else _DESIGNS[lead.design]
    if decision.certainty == "Watch":
        if lead.kind == "fact":
            text += " Too few accounts to act on." if rests_on_few(lead) else " Too little money to act on."
        else:
            text += " The money in it could be nothing." if decision.worth(words) else " The money in it is not known."
    return f"{text} {words.escape(lead.caveat)}".strip() if lead.caveat else text


def _further(decisions: Sequence[Decision], words: Words) -> list[str]:
    """A line each for what is to be acted on, one line for all that is to be watched; a handful of each is named."""
    act = [decision for decision in decisions if decision.certainty in ("Do it", "Test first")]
    watch = [decision for decision in decisions if decision not in act]
    lines = [_line(decision, words) for decision in act[:MOST_LISTED]]
    if act[MOST_LISTED:]:
        lines.append(f"And {words.plural(len(act) - MOST_LISTED, 'further decision')}, ranked lower.")
    if watch:
        named = [_watched(decision, words) for decision in watch[:MOST_LISTED]]
        rest = len(watch) - MOST_LISTED
        names = words.list([*named, words.plural(rest, "other finding")] if rest > 0 else named)
        lines.append(f"**Watch**, but do not act yet: {names}.")
    return lines


def _line(decision: Decision, words: Words) -> str:
    worth = decision.worth(words, brief=True)
    money = f" ({worth})" if worth else ""
    return f"**{decision.certainty}:** {decision.do(words)}{money}. {_linked(decision.lead, words)}."


def _watched(decision: Decision, words: Words) -> str:
    lead = decision.lead
    about = lead.group(words) if lead.kind == "association" and lead.segment else words.escape(lead.subject)
    link = page_link(lead.evidence)
    worth = decision.worth(words, brief=True)
    return (f"[{about}]({link})" if link else about) + (f" ({worth})" if worth else "")


def _not_studied(findings: Sequence[Finding], words: Words, *, most: int = 5) -> list[str]:
    """A line each while they are few; else one line that names some, those of an area of decision first."""
    if len(findings) <= most:
        return [_statement(finding, words) for finding in findings]
    ordered = sorted(findings, key=lambda finding: finding.area == "state")
    named = [f"{uncapital(words.escape(f.subject))} ({table_list(f.needs, words)})" for f in ordered[:most]]
    rest = words.plural(len(ordered) - most, "further question")
    link = page_link(ordered[most].evidence)
    return [f"Not studied for want of tables: {'; '.join(named)}; and {f'[{rest}]({link})' if link else rest}."]


def _unclear(decisions: Decisions, words: Words) -> str:
    count, tested = len(decisions.unclear), decisions.tested
    if count < tested:
        verb = "shows" if count == 1 else "show"
        return f"{words.count(count, tested)} comparisons between groups {verb} no clear difference"
    if tested == 1:
        return "the one comparison between groups shows no clear difference"
    return f"none of the {words.plural(tested, 'comparison')} between groups shows a clear difference"


def _statement(finding: Finding, words: Words) -> str:
    text, link = finding.statement(words), page_link(finding.evidence)
    return f"{text} [Details]({link})." if link else text


def _power(unclear: Sequence[Finding], words: Words) -> str:
    """What these comparisons could have found, from the typical width of their intervals."""
    found = [detectable(finding) for finding in unclear if finding.unit in ("share", "points")]
    known = [size for size in found if size is not None]
    if not known:
        return ""
    return (
        " That is not the same as no difference: with these numbers of accounts, one of less than about "
        f"{words.points(statistics.median(known), 0)} would most likely have stayed hidden."
    )


def _groups(findings: Sequence[Finding], words: Words, *, most: int = 4) -> str:
    names = [finding.group(words) if finding.segment else words.escape(finding.subject) for finding in findings]
    names = list(dict.fromkeys(names))
    rest = len(names) - most
    if rest > 1:
        names = [*names[:most], words.plural(rest, "other group")]
    return words.list(names)


def _too_small(decisions: Decisions, words: Words) -> list[str]:
    """A line of the groups too small to compare at all, and one a question that they are too small for."""
    compared = {finding.segment for finding in decisions.compared}
    questions: dict[str, list[Finding]] = {}
    for finding in decisions.too_small:
        # Without a question of its own it stands for the group, of which something else may well be shown.
        if finding.verdict or finding.segment not in compared:
            questions.setdefault(finding.verdict, []).append(finding)
    return [
        f"{_capital(words.escape(question)) or 'Too few to compare'}: {_groups(found, words)}."
        for question, found in questions.items()
    ]


def _month_end(day: date) -> date:
    return date(day.year, day.month, monthrange(day.year, day.month)[1])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _verdict(verdict: Verdict, decisions: Decisions, words: Words) -> str:
    if verdict.decisions:
        first = verdict.decisions[0]
        return f"{first.certainty}. {first.do(words)}."
    if verdict.barred:
        return "Not enough evidence. These data may not show retention."
    if verdict.certainty is not None:
        if verdict.tested:
            return f"Not enough evidence. {words.plural(len(verdict.tested), 'comparison')} tested, none to act on."
        if verdict.facts:
            return "Not enough evidence. Nothing recorded here can be acted on."
        return "Not enough evidence. No group was large enough to compare, and no amount was recorded to act on."
    if verdict.needs:
        return f"Not studied. It needs {table_list(verdict.needs, words)}: {USES[verdict.area]}."
    return "Not studied. No chapter of this report looks into it yet."
