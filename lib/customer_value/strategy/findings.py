"""What the chapters established: one record a finding, from which the front page is computed.

A chapter records every contrast it tested, not only the striking ones: the gate in `decisions` corrects for all of them
together. The statement of a finding is computed from its fields, so a number and the words around it cannot disagree.
"""

from __future__ import annotations

import datetime
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_serializer, model_validator

from customer_value.errors import ChapterError
from customer_value.strategy.wording import UNKNOWN, Words, known

Kind = Literal["fact", "estimate", "association", "not_studied"]
Area = Literal[
    "state",
    "market_focus",
    "product",
    "pricing_packaging",
    "success_allocation",
    "sales_incentives",
    "marketing_spend",
    "churn_prevention",
    "expansion",
]
Unit = Literal["share", "money", "count", "months", "ratio", "points"]

METRICS = {
    "accounts": "number of accounts",
    "acquisition_multiple": "revenue over the cost of winning the account",
    "arr": "annual recurring revenue",
    "arr_share": "share of recurring revenue",
    "cutting_back": "share of accounts that cut back or left",
    "came_back": "coming back after activation",
    "early_leaving": "rate of leaving early over that later",
    "expanding": "expansion",
    "expansion_rate": "share of accounts that grew",
    "first_expansion": "share of new accounts that expand",
    "grr": "gross revenue retention",
    "headwind": "revenue lost",
    "lifetime": "time that an account stays",
    "leaver_size": "size of the accounts that left",
    "leaving": "leaving",
    "leaving_involuntary": "leaving against their will",
    "leaving_voluntary": "leaving by choice",
    "logo_retention": "account retention",
    "nps": "net promoter score",
    "nrr": "net revenue retention",
    "payback": "time to repay the cost of winning the account",
    "projected_share": "projected share of accounts still here",
    "quick_ratio": "quick ratio",
    "revenue_per_account": "revenue per account won",
    "renewal": "contract renewal",
    "share_still_here": "share of accounts still here",
    "survival": "length of stay",
    "upgraded": "share of accounts that moved up a plan",
    "upgrading": "share of accounts that moved to a higher plan",
    "tailwind": "revenue added by accounts that grew",
}
"""Metrics by their names in findings, as a sentence says them; any other reads as its name without underscores."""

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _finite(value: object) -> object:
    """numpy's numbers as Python's; missing ones as None."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value


def _texts(value: object) -> object:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _text(value: object) -> object:
    return "" if value is None else value


Number = Annotated[float | None, BeforeValidator(_finite)]
Probability = Annotated[Annotated[float, Field(ge=0, le=1)] | None, BeforeValidator(_finite)]
Count = Annotated[int | None, BeforeValidator(_finite)]
Text = Annotated[str, BeforeValidator(_text)]


class Point(BaseModel):
    """One month of a headline's trend."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    month: datetime.date
    value: Number


class Finding(BaseModel):
    """One thing that a chapter established, tested, or could not study.

    Shares, and differences of shares (unit ``points``), are numbers between 0 and 1; money is in whole units of the
    report's currency and is positive whichever way it flows. Missing numbers are None; NaN becomes None.

    Attributes
    ----------
    id : unique within the chapter, without digits, so that it stays the same when numbers change; see `identifier`
    chapter : stem of the notebook that recorded it
    kind : ``fact`` (counted or added up), ``estimate`` (with sampling error), ``association`` (a contrast tested: needs
        ``p`` and ``design``) or ``not_studied`` (needs ``needs``)
    area : one of the eight areas of decision, or ``state`` for the state of the business
    subject : what it is about, as a plain noun phrase: "revenue lost to failed payments", "net revenue retention"
    label : a few words, for a headline figure; the subject where empty
    metric : what is measured: nrr, grr, logo_retention, arr, accounts … (see `METRICS`)
    segment : whom it is about, as "attribute = level"; None for the whole company
    compared_with : the other side of a contrast, as a noun phrase
    direction : of an association: ``higher``, ``lower``, ``none`` (no clear difference) or ``unknown``
    estimate, low, high, unit : the number with its interval; of an association, the difference (or a ratio)
    level : confidence level of ``low`` and ``high``
    n, n_of : how many of what it rests on
    p, p_adjusted : raw, and adjusted within the chapter's own family; the gate starts again from ``p``
    design : A accounting or randomised · B adjusted, lagged, sensitivities agree · C a raw contrast
    money, money_low, money_high : with its 80 % interval; an association's is a ceiling, a fact's is actual money
    money_period : as it follows the amount: "in the last 12 months", "a year"
    verdict, caveat : sentences of the chapter
    evidence : page and anchor, as ``revenue#tbl-revenue-retention``
    needs : tables that would let it be studied
    shown : False where the group is below the smallest that is shown
    few_accounts : a few accounts decide it, so no decision stands on it
    retention_known : False where the data may not show retention at all (a flat table of undeclared observation)
    action : key into `decisions.ACTIONS`; None lets the gate choose by area, metric and direction
    series : monthly values, oldest first, for a sparkline
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    chapter: str
    kind: Kind
    area: Area = "state"
    subject: str
    label: Text = ""
    metric: Text = ""
    segment: str | None = None
    compared_with: str = "the other accounts"
    direction: Literal["higher", "lower", "none", "unknown"] = "unknown"
    estimate: Number = None
    low: Number = None
    high: Number = None
    level: Number = None
    unit: Unit | None = None
    n: Count = None
    n_of: str = "accounts"
    p: Probability = None
    p_adjusted: Probability = None
    design: Literal["A", "B", "C"] | None = None
    money: Number = None
    money_low: Number = None
    money_high: Number = None
    money_period: Text = ""
    verdict: Text = ""
    caveat: Text = ""
    evidence: Text = ""
    needs: Annotated[tuple[str, ...], BeforeValidator(_texts)] = ()
    shown: bool = True
    few_accounts: bool = False
    retention_known: bool = True
    action: str | None = None
    series: Annotated[tuple[Point, ...], BeforeValidator(_texts)] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Finding:
        if not re.fullmatch(r"[A-Za-z](?:[A-Za-z_-]*[A-Za-z])?", self.id):
            raise ValueError(f"id must be letters, hyphens and underscores, without digits; got: {self.id!r}")
        if self.estimate is not None and self.unit is None:
            raise ValueError(f"finding {self.id!r} has an estimate but no unit")
        if self.kind == "association" and self.design is None:
            raise ValueError(f"association {self.id!r} needs its design: A, B or C")
        if self.kind == "association" and self.shown and self.p is None:
            raise ValueError(
                f"association {self.id!r} is shown and needs p: the gate corrects for every contrast tested"
            )
        if self.kind == "not_studied" and not self.needs:
            raise ValueError(f"finding {self.id!r} was not studied and must say which tables it needs")
        for low, high, what in ((self.low, self.high, "interval"), (self.money_low, self.money_high, "money")):
            if low is not None and high is not None and low > high:
                raise ValueError(f"{what} of finding {self.id!r} is upside down: {low} to {high}")
        return self

    @field_serializer(
        "estimate", "low", "high", "p", "p_adjusted", "money", "money_low", "money_high", when_used="json"
    )
    def _rounded(self, value: float | None) -> float | None:
        return _ten_digits(value)

    def name(self, words: Words) -> str:
        """What to call it in a link, safe for Markdown: of a contrast, the group and what was compared."""
        if self.kind == "association" and self.segment:
            return f"{self._segment(words)}: {self.measure()}"
        return words.escape(self.label or self.subject)

    def group(self, words: Words) -> str:
        """Whom it is about, safe for Markdown: "accounts with plan “Basic”"; "all accounts" without a segment."""
        name = self._segment(words)
        return f"accounts with {name}" if name else "all accounts"

    def _segment(self, words: Words) -> str:
        """The segment as a name, safe for Markdown: "plan “Basic”"; empty for the whole company."""
        attribute, equals, level = (self.segment or "").partition("=")
        name = words.escape(uncapital(attribute.strip().replace("_", " ")))
        return f"{name} “{words.escape(level.strip())}”" if equals else name

    def measure(self) -> str:
        """What is measured, as a sentence says it."""
        return METRICS.get(self.metric, self.metric.replace("_", " ")) or "the outcome"

    def statement(self, words: Words) -> str:
        """The finding as one plain sentence, safe for Markdown, computed from the fields.

        Of groups it says what they "show", of behaviour what it is "linked to", never that one thing causes the other.
        """
        if self.kind == "not_studied":
            return f"Not studied: {uncapital(words.escape(self.subject))}. It needs {table_list(self.needs, words)}."
        if not self.shown:
            return f"{_capital(self._about(words))}: too few to show ({self._size(words)})."
        if self.kind == "association":
            return self._contrast(words)
        return self._level(words)

    def _about(self, words: Words) -> str:
        return self.group(words) if self.segment else words.escape(self.subject)

    def _size(self, words: Words) -> str:
        one = {"person-months": "person-month"}.get(self.n_of) or re.sub("^accounts", "account", self.n_of)
        return words.plural(self.n, one, self.n_of) if self.n is not None else f"number of {self.n_of} {UNKNOWN}"

    def _level(self, words: Words) -> str:
        """A fact or an estimate: what it is and how much."""
        subject = _capital(words.escape(self.subject))
        if self.segment:
            subject = f"{subject}, {self.group(words)}"
        size = f", {self._size(words)}" if self.n is not None else ""
        if self.money is not None:
            period = f" {words.escape(self.money_period)}" if self.money_period else ""
            return f"{subject}: {words.money(self.money)}{period}{size}."
        if self.estimate is None:
            return f"{subject}: {UNKNOWN}{size}."
        return f"{subject}: {words.interval(self.estimate, self.low, self.high, self.unit)}{size}."

    def _contrast(self, words: Words) -> str:
        group, other, measure = self.group(words), words.escape(self.compared_with), self.measure()
        if self.estimate is None:
            if self.direction in ("higher", "lower"):
                return f"{_capital(words.escape(self.subject))} is linked to {self.direction} {measure}."
            return f"No clear link between {words.escape(self.subject)} and {measure}."
        size = f" ({self._size(words)})" if self.n is not None else ""
        if self.direction not in ("higher", "lower"):
            reach = self._reach(words)
            if not self.segment:
                return f"No clear link between {words.escape(self.subject)} and {measure}{size}{reach}."
            return f"No clear difference in {measure} between {group}{size} and {other}{reach}."
        if self.unit == "ratio":
            amount = f"{words.number(self.estimate, 2)} times that of {other}"
        else:
            amount = f"{self._difference(words)} {_side(self.estimate)} {other}"
        linked = f"{_capital(group)} show" if self.segment else f"{_capital(words.escape(self.subject))} is linked to"
        return f"{linked} {self.direction} {measure}: {amount}{self._bracket(words)}."

    def _difference(self, words: Words) -> str:
        unit = "points" if self.unit == "share" else self.unit
        return words.value(abs(self.estimate), unit)

    def _bracket(self, words: Words) -> str:
        """The interval of a clear difference, as sizes (the words before say which side it lies on), with n."""
        size = [self._size(words)] if self.n is not None else []
        if self.low is not None and self.high is not None:
            low, high = self.low, self.high
            if self.unit != "ratio" and self.estimate < 0:
                low, high = -high, -low
            unit = "points" if self.unit == "share" else self.unit
            size.insert(0, words.range(low, high, unit).removesuffix(" percentage points"))
        return f" ({'; '.join(size)})" if size else ""

    def _reach(self, words: Words) -> str:
        """How far a difference that is not clear could still go, either way."""
        ends = (self.low, self.high)
        if self.low is None or self.high is None:
            return ""
        if self.unit == "ratio":
            return f"; anything from {words.range(self.low, self.high, 'ratio')} times is compatible with the data"
        points = self.unit in ("share", "points")
        sizes = [words.number(abs(end) * 100, 1) if points else words.value(abs(end), self.unit) for end in ends]
        sides = ["lower" if end < 0 else "higher" for end in ends]
        unit = " percentage points" if points else ""
        return f"; it could be anything from {sizes[0]}{unit} {sides[0]} to {sizes[1]} {sides[1]}"


def identifier(*parts: object) -> str:
    """An id for a finding from the words that tell it apart: letters, hyphens and underscores only.

    Digits are spelt ("Tier 2" gives ``Tier-two``); other characters leave a few letters of a hash, so that different
    names stay different.

    Examples
    --------
    >>> identifier("plan", "Basic", "grr")
    'plan-Basic-grr'
    """
    return "-".join(_slug(str(part)) for part in parts)


def _slug(text: str) -> str:
    spelt = re.sub(r"\d", lambda digit: f" {_DIGITS[int(digit[0])]} ", unicodedata.normalize("NFKC", text))
    words = re.findall(r"[A-Za-z_]+", spelt)
    plain = "-".join(word.strip("_") for word in words if word.strip("_"))
    if re.fullmatch(r"[A-Za-z0-9_ ]+", text) and plain:
        return plain
    letters = (
        sha256(text.encode("utf-8", "surrogatepass"))
        .hexdigest()[:6]
        .translate(str.maketrans("0123456789", "ghijklmnop"))
    )
    return f"{plain}-{letters}" if plain else letters


def write(path: Path, findings: Iterable[Finding]) -> None:
    """Write a chapter's findings as JSON: ordered by id, keys sorted, numbers to ten significant digits.

    Raises
    ------
    ValueError : two findings share an id
    """
    records = sorted(findings, key=lambda finding: finding.id)
    for before, after in pairwise(records):
        if before.id == after.id:
            raise ValueError(f"two findings have the id {after.id!r}")
    texts = [record.model_dump(mode="json") for record in records]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(texts, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def read_file(path: Path) -> list[Finding]:
    """Read one chapter's findings, as `write` wrote them.

    Raises
    ------
    ChapterError : the file is not what `write` writes
    """
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        return [Finding.model_validate(record) for record in records]
    except (ValueError, TypeError) as error:
        raise ChapterError(f"The findings in {path.name} cannot be read: {error}. Run the chapter again.") from error


def read(folder: Path) -> list[Finding]:
    """Read every chapter's findings (``<chapter>.json``), ordered by chapter and id; none if there is no folder."""
    found = [finding for path in sorted(Path(folder).glob("*.json")) for finding in read_file(path)]
    return sorted(found, key=lambda finding: (finding.chapter, finding.id))


def table_list(names: Sequence[str], words: Words) -> str:
    """Names of tables or columns in a sentence, as code: "`costs` and `plans`"; anything else as escaped text.

    A name may give a choice: "usage_events or feature_usage_monthly".
    """

    def written(name: str) -> str:
        return f"`{name}`" if re.fullmatch(r"[a-z_.]+", name) else words.escape(name)

    def choice(name: str) -> str:
        # Beside others it must be plain which of them the "or" belongs to.
        either = "either " if " or " in name and len(names) > 1 else ""
        return either + " or ".join(map(written, name.split(" or ")))

    return words.list(map(choice, names))


def _ten_digits(value: float | None) -> float | None:
    return float(f"{value:.10g}") if known(value) else None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def uncapital(text: str) -> str:
    """As it stands within a sentence: "Net revenue" becomes "net revenue", "NPS" stays."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _side(estimate: float) -> str:
    return "below" if estimate < 0 else "above"
