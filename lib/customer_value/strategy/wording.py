"""Numbers as words: rounding, units, ranges and directions, by locale and currency.

Every number that a reader sees passes through `Words`, so that a share is never mistaken for percentage points, money
is rounded to what its interval carries, and a missing value reads "not known" rather than "nan".
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date as Date

LOCALES = ("en-GB", "en-US")

UNKNOWN = "not known"
"""What stands in place of a missing value."""

MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"

_SIGNS = {
    "AUD": "A$",
    "BRL": "R$",
    "CAD": "C$",
    "CNY": "CN¥",
    "EUR": "€",
    "GBP": "£",
    "HKD": "HK$",
    "ILS": "₪",
    "INR": "₹",
    "JPY": "¥",
    "KRW": "₩",
    "NGN": "₦",
    "NZD": "NZ$",
    "PHP": "₱",
    "SGD": "S$",
    "THB": "฿",
    "TRY": "₺",
    "UAH": "₴",
    "USD": "$",
    "VND": "₫",
}

_SCALES = ((1e9, f"{NO_BREAK}bn"), (1e6, f"{NO_BREAK}m"), (1e3, "k"))

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_AMERICAN = {
    "analyse": "analyze",
    "behaviour": "behavior",
    "catalogue": "catalog",
    "centre": "center",
    "colour": "color",
    "favour": "favor",
    "judgement": "judgment",
    "labour": "labor",
    "licence": "license",
    "organisation": "organization",
    "prioritise": "prioritize",
    "programme": "program",
    "recognise": "recognize",
    "standardise": "standardize",
    "summarise": "summarize",
}
_BRITISH = re.compile(r"\b(" + "|".join(_AMERICAN) + r")", re.IGNORECASE)

_BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class Words:
    """The voice of a report: one locale, one currency.

    Shares and differences of shares are numbers between 0 and 1 (0.84 is 84%, 0.031 is 3.1 percentage points); money is
    in whole units of the currency. Missing values (None, NaN, infinities) read "not known".

    Parameters
    ----------
    locale : ``en-GB`` or ``en-US``: spelling and the order of dates
    currency : ISO 4217 code, such as ``GBP``; empty or None when unknown, then money carries no sign

    Raises
    ------
    ValueError : the locale is none of `LOCALES`

    Examples
    --------
    >>> words = Words(currency="GBP")
    >>> words.money(546_213)
    '£546k'
    >>> words.out_of_100(0.84, 0.82, 0.85, "are still here after a year")
    'out of 100 accounts, 84 are still here after a year (82 to 85)'
    """

    locale: str = "en-GB"
    currency: str | None = ""

    def __post_init__(self) -> None:
        if self.locale not in LOCALES:
            raise ValueError(f"locale must be one of {LOCALES}, got: {self.locale!r}")
        object.__setattr__(self, "currency", (self.currency or "").strip().upper())

    # Numbers

    def number(self, x: float | None, digits: int = 0) -> str:
        """A plain number with thousands separated: "1,234"."""
        if not known(x):
            return UNKNOWN
        return _signed(f"{_half_up(abs(x), digits):,.{digits}f}", x)

    def count(self, k: float | None, n: float | None) -> str:
        """So many of so many: "11 of 664"."""
        if not known(k) or not known(n):
            return UNKNOWN
        return f"{self.number(k)} of {self.number(n)}"

    def plural(self, n: float | None, noun: str, plural: str | None = None) -> str:
        """The number with its noun: "1 account", "664 accounts", "no accounts"."""
        many = plural or _plural(noun)
        if not known(n):
            return f"an unknown number of {many}"
        if n == 0:
            return f"no {many}"
        return f"{self.number(n)} {noun if n == 1 else many}"

    # Shares

    def share(self, x: float | None, digits: int = 0) -> str:
        """A share of 0 to 1 as a percentage: "84%".

        A share that would round to 0% or 100% without being it gets up to two further digits, then "under 0.01%" or
        "over 99.99%", so that "100%" means all and "0%" none.
        """
        if not known(x):
            return UNKNOWN
        return _signed(f"{self._percent(x, digits)}%", x)

    def shares(self, low: float | None, high: float | None, digits: int = 0) -> str:
        """A range of shares: "82 to 85%"; one digit more where the ends would look alike.

        Here an end may round to 0 or 100: a range says by itself that it is not exact.
        """
        if not known(low) or not known(high):
            return UNKNOWN
        ends = [self.number(x * 100, digits) for x in (low, high)]
        if ends[0] == ends[1] and low != high:
            ends = [self.number(x * 100, digits + 1) for x in (low, high)]
        return f"{ends[0]}%" if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}%"

    def _percent(self, x: float, digits: int) -> str:
        """The percentage without its sign and without %."""
        magnitude = abs(x)
        for further in range(3):
            text = f"{_half_up(magnitude * 100, digits + further):,.{digits + further}f}"
            if float(text.replace(",", "")) not in (0.0, 100.0) or magnitude in (0.0, 1.0):
                return text
        finest = digits + 2
        if magnitude < 0.5:
            return f"under {10.0**-finest:.{finest}f}"
        return f"over {100 - 10.0**-finest:.{finest}f}" if magnitude < 1 else f"{100:.{digits}f}"

    def points(self, x: float | None, digits: int = 1) -> str:
        """A difference of shares (0.031) in percentage points: "3.1 percentage points"."""
        if not known(x):
            return UNKNOWN
        text = f"{_half_up(abs(x) * 100, digits):,.{digits}f}"
        text = text.removesuffix(".0")
        return f"{_signed(text, x)} percentage {'point' if text == '1' else 'points'}"

    def out_of_100(
        self, estimate: float | None, low: float | None, high: float | None, outcome: str, *, of: str = "accounts"
    ) -> str:
        """A share as a count out of 100: "out of 100 accounts, 84 are still here after a year (82 to 85)".

        Counts out of 1,000 where the share would round to none or all of 100 without being it.
        """
        if not known(estimate):
            return f"the share of {of} that {outcome} is {UNKNOWN}"
        base = 100
        if estimate not in (0, 1) and _half_up(estimate * 100, 0) in (0, 100):
            base = 1000
        of_base = [self.number(x * base) if known(x) else UNKNOWN for x in (estimate, low, high)]
        text = f"out of {base:,} {of}, {of_base[0]} {outcome}"
        return f"{text} ({of_base[1]} to {of_base[2]})" if known(low) and known(high) else text

    # Money

    @property
    def currency_sign(self) -> str:
        """What stands before an amount: "£"; the code itself where it has no sign of its own; nothing when unknown."""
        if not self.currency:
            return ""
        return _SIGNS.get(self.currency, f"{self.currency}{NO_BREAK}")

    def money(self, x: float | None) -> str:
        """An amount to three significant digits at most: "£546k", "£1.2 m", "£84"."""
        if not known(x):
            return UNKNOWN
        magnitude = abs(x)
        if magnitude < 1:
            return self._amount(x, 1.0, "", 0 if _half_up(magnitude, 2) in (0.0, 1.0) else 2)
        step = 10.0 ** (math.floor(math.log10(magnitude)) - 2)
        rounded = _half_up(magnitude / step, 0) * step
        if rounded < 10_000:
            return self._amount(_half_up(magnitude, 0) * _sign(x), 1.0, "", 0)
        scale, suffix = _scale(rounded)
        digits = max(0, 2 - math.floor(math.log10(rounded / scale)))
        text = f"{rounded / scale:,.{digits}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return _signed(f"{self.currency_sign}{text}{suffix}", x)

    def money_range(self, low: float | None, high: float | None) -> str:
        """A range of money, rounded to what it carries: "£0.4–0.7 m".

        Both ends are rounded to one step, the power of ten below half the width, and written in one magnitude. Where
        the ends are too far apart for that, or one is negative, each carries its own sign: "£20k to £1.2 m".
        """
        if not known(low) or not known(high):
            return UNKNOWN
        if low > high:
            low, high = high, low
        widest = max(abs(low), abs(high))
        if high - low < max(widest / 1000, 0.005):
            return self.money((low + high) / 2)
        if widest < 1:
            return f"{self.money(low)} to {self.money(high)}"
        step = max(1.0, 10.0 ** math.floor(math.log10((high - low) / 2))) if high - low >= 2 else 1.0
        ends = [_sign(x) * _half_up(abs(x) / step, 0) * step for x in (low, high)]
        if any(end == 0 and abs(x) >= 1 for end, x in zip(ends, (low, high), strict=True)):
            return f"{self._rough(low)} to {self._rough(high)}"
        if ends[0] == ends[1]:
            return self.money(ends[0])
        # £0.4–0.7 m says "to the nearest hundred thousand"; £400–700k would claim three digits.
        scale, suffix = _scale(max(max(abs(end) for end in ends), step * 10 if step >= 1e5 else 0))
        digits = max(0, round(math.log10(scale / step)))
        if ends[0] < 0:
            texts = [self._amount(end, scale, suffix if end else "", digits if end else 0) for end in ends]
            return f"{texts[0]} to {texts[1]}"
        low_text = f"{ends[0] / scale:,.{digits}f}" if ends[0] else "0"
        return f"{self.currency_sign}{low_text}–{ends[1] / scale:,.{digits}f}{suffix}"

    def money_axis(self, x: float | None) -> str:
        """An amount as short as a tick label can be: "£1.5m", "£250k", "£0"."""
        if not known(x):
            return ""
        scale, suffix = _scale(abs(x))
        text = f"{abs(x) / scale:,.2f}".rstrip("0").rstrip(".") if scale > 1 or abs(x) < 10 else f"{abs(x):,.0f}"
        return _signed(f"{self.currency_sign}{text}{suffix.strip()}", x if text != "0" else 0.0)

    def money_exact(self, x: float | None, digits: int = 0) -> str:
        """An amount in full: "£728,906"."""
        return self._amount(x, 1.0, "", digits) if known(x) else UNKNOWN

    def _amount(self, x: float, scale: float, suffix: str, digits: int) -> str:
        return _signed(f"{self.currency_sign}{_half_up(abs(x) / scale, digits):,.{digits}f}{suffix}", x)

    def _rough(self, x: float) -> str:
        """An amount to one or two significant digits, in its own magnitude."""
        if abs(x) < 1:
            return f"{self.currency_sign}0"
        step = 10.0 ** max(0, math.floor(math.log10(abs(x))) - 1)
        return self.money(_sign(x) * _half_up(abs(x) / step, 0) * step)

    # Time

    def months(self, x: float | None, digits: int | None = None) -> str:
        """A length of time: "14 months", "1 month", "3.5 months"."""
        if not known(x):
            return UNKNOWN
        text = self.number(x, digits if digits is not None else (0 if abs(x) >= 10 else 1)).removesuffix(".0")
        return f"{text} {'month' if text == '1' else 'months'}"

    def date(self, d: Date | str | None) -> str:
        """A day: "31 January 2024", or "January 31, 2024" in American English."""
        day = _day(d)
        if day is None:
            return UNKNOWN
        name = _MONTHS[day.month - 1]
        return f"{name} {day.day}, {day.year}" if self.locale == "en-US" else f"{day.day} {name} {day.year}"

    def month(self, d: Date | str | None) -> str:
        """A month: "Jan 2024"."""
        day = _day(d)
        return UNKNOWN if day is None else f"{_MONTHS[day.month - 1][:3]} {day.year}"

    # Any unit

    def value(self, x: float | None, unit: str) -> str:
        """A number in its unit: share, money, count, months, ratio or points."""
        if not known(x):
            return UNKNOWN
        match unit:
            case "share":
                return self.share(x)
            case "money":
                return self.money(x)
            case "count":
                return self.number(x)
            case "months":
                return self.months(x)
            case "ratio":
                return self.number(x, 2)
            case "points":
                return self.points(x)
        raise ValueError(f"unit must be share, money, count, months, ratio or points, got: {unit!r}")

    def range(self, low: float | None, high: float | None, unit: str) -> str:
        """An interval in its unit: "82 to 85%", "12 to 17 months"; "not known" where an end is missing."""
        if not known(low) or not known(high):
            return UNKNOWN
        match unit:
            case "share":
                return self.shares(low, high)
            case "money":
                return self.money_range(low, high)
            case "months":
                return f"{self._bare(low, high, unit)} months"
            case "points":
                return f"{self._bare(low, high, unit)} percentage points"
        return self._bare(low, high, unit)

    def _bare(self, low: float, high: float, unit: str) -> str:
        """Two ends with alike decimals and no unit."""
        factor = 100 if unit == "points" else 1
        digits = {"count": 0, "points": 1, "ratio": 2}.get(unit, 0 if min(abs(low), abs(high)) >= 10 else 1)
        return " to ".join(self.number(x * factor, digits) for x in (low, high))

    def interval(self, estimate: float | None, low: float | None, high: float | None, unit: str) -> str:
        """An estimate with its interval: "84% (82 to 85%)", "14 months (12 to 17)".

        Where an end of the interval is missing the estimate stands alone.
        """
        if not known(estimate):
            return UNKNOWN
        if not known(low) or not known(high):
            return self.value(estimate, unit)
        ends = self.range(low, high, unit) if unit in ("share", "money") else self._bare(low, high, unit)
        return f"{self.value(estimate, unit)} ({ends})"

    # Words

    def compare(
        self,
        difference: float | None,
        low: float | None,
        high: float | None,
        *,
        none: float = 0.0,
        higher: str = "higher",
        lower: str = "lower",
        unclear: str = "no clear difference",
    ) -> str:
        """The word for a difference whose interval is ``low`` to ``high``.

        "higher" or "lower" only when the whole interval lies on that side of ``none`` (0 for differences, 1 for
        ratios); otherwise "no clear difference". "not known" when anything is missing.
        """
        if not known(difference) or not known(low) or not known(high):
            return UNKNOWN
        if low > none:
            return higher
        return lower if high < none else unclear

    def list(self, items: Iterable[object], *, last: str = "and") -> str:
        """Items in a sentence: "a, b and c"; "a, b, and c" in American English; "none" if there are none."""
        texts = [str(item) for item in items]
        if len(texts) < 2:
            return texts[0] if texts else "none"
        comma = "," if self.locale == "en-US" and len(texts) > 2 else ""
        return f"{', '.join(texts[:-1])}{comma} {last} {texts[-1]}"

    def spelling(self, text: str) -> str:
        """The text, which is in British spelling, in this locale's."""
        if self.locale != "en-US":
            return text

        def american(match: re.Match[str]) -> str:
            word = _AMERICAN[match[0].lower()]
            return word.capitalize() if match[0][0].isupper() else word

        return _BRITISH.sub(american, text)

    def escape(self, text: object) -> str:
        """Untrusted text made safe to stand in Markdown, in HTML and in a quoted attribute.

        Every ASCII punctuation mark but the comma becomes a character reference: Markdown, HTML and pandoc all show it
        as the mark itself and none reads it as markup. Line breaks become spaces; control characters and marks that
        turn the direction of the text are dropped. Not idempotent: escape once, where text enters a page.
        """
        if text is None or (isinstance(text, float) and math.isnan(text)):
            return UNKNOWN
        kept = []
        for character in " ".join(str(text).split()):
            if character.isascii() and character.isprintable() and not character.isalnum() and character not in " ,":
                kept.append(f"&#{ord(character)};")
            elif unicodedata.category(character) not in ("Cc", "Cs", "Co") and character not in _BIDIRECTIONAL:
                kept.append(character)
        return "".join(kept)


def known(x: float | None) -> bool:
    """Whether this is a finite number."""
    return x is not None and not isinstance(x, str) and math.isfinite(x)


def _half_up(x: float, digits: int) -> float:
    """Rounded half up, for x ≥ 0, taking the number as it prints: 0.285 lies on the half, whatever binary says."""
    factor = 10.0**digits
    return math.floor(float(f"{x * factor:.9g}") + 0.5) / factor if x * factor < 1e9 else float(round(x, digits))


def _signed(text: str, x: float) -> str:
    """The text with a minus sign if x is negative and the text shows anything but zero."""
    return f"{MINUS}{text}" if x < 0 and re.search("[1-9]", text) else text


def _sign(x: float) -> float:
    return -1.0 if x < 0 else 1.0


def _scale(magnitude: float) -> tuple[float, str]:
    return next(((scale, suffix) for scale, suffix in _SCALES if magnitude >= scale), (1.0, ""))


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in ("a", "e", "o", "u"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def _day(d: Date | str | None) -> Date | None:
    # pandas' NaT is a date by type, and differs from itself.
    if d is None or d != d:
        return None
    if isinstance(d, str):
        return Date.fromisoformat(d[:10]) if d else None
    return Date(d.year, d.month, d.day)
