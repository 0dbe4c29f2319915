"""How long a new account stays beyond what was observed, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.wording import Words

SHAPES: Mapping[str, str] = {
    "shifted_beta_geometric": "shifted-beta-geometric",
    "weibull": "Weibull",
    "log_logistic": "log-logistic",
    "log_normal": "log-normal",
    "exponential": "one rate at every age",
}
"""What shapes of a curve are called."""

PARTS: Mapping[str, str] = {
    "observed": "observed",
    "projected": "projected",
    "held_out": "projected from there",
    "constant": "if all left at one rate",
}
"""What the parts of the projection are called in its figures."""

HEADS: Mapping[str, str] = {
    **LABELS,
    **SHAPES,
    "group": "Contracts",
    "shape": "Shape",
    "deviance": "Deviance",
    "at_horizon": "Still here at the end",
    "fitted_to": "Fitted to month",
    "judged_to": "Judged to month",
    "from_age": "Months here already",
    "constant": "At one rate",
}
"""`LABELS` as these tables need them."""

_APART = (
    "Accounts under contract decide only when their term ends, so contracts of each length are counted by their own "
    "decisions, projected apart and put together by their shares."
)
_MAY_NOT_BE = "This may not be retention, since the table does not say how its accounts were observed."


def only_stay(projected: Result, *, reading: str, words: Words) -> tuple[str, str]:
    """Headline and detail where there is no money by age to speak of: how long accounts stay.

    Parameters
    ----------
    reading : what the curve means, of `answers.cohort_survival.reading`
    """
    needs = (
        "What accounts bring in by age, and when they repay their cost, needs a table of `subscriptions` with dates."
    )
    end, last = _end(projected, "projected"), _end(projected, "observed")
    if end is None:
        return "Too few months are observed to project how long accounts stay", f"{_not_projected(projected)} {needs}"
    caution = f"{_MAY_NOT_BE} " if reading == "undeclared" else ""
    return (
        f"Projected to {words.months(end['age'])}, {words.share(end['estimate'])} of accounts would still be here",
        f"{caution}{_beyond(end, words)} The ages observed reach to {words.months(last['age'])}; what lies beyond is a "
        f"projection. {needs}",
    )


def stay(projected: Result, stayed: Result, *, reading: str, words: Words) -> str:
    """How many would still be here at the last age projected, how long that is, and what one rate would have said."""
    end, last = _end(projected, "projected"), _end(projected, "observed")
    if last is None:
        why = _not_projected(projected)
        return (
            why if end is None and "Not projected" in why else "Too few accounts of any one age are followed to tell."
        )
    verb = "are" if reading == "followed" else "would be"
    seen = (
        f"Accounts can be followed to {words.months(last['age'])} of age: {words.share(last['estimate'])} {verb} still "
        "here by then."
    )
    if end is None:
        return f"{seen} {_not_projected(projected)}"
    constant = float(_end(projected, "constant")["estimate"])
    terms = set(projected.table["group"]) - {"all"}
    said = [_APART] if len(terms) > 1 else []
    said += [seen, _beyond(end, words), _one_rate(end, constant, words), *_months_stayed(stayed, words)]
    return " ".join(said)


def _one_rate(end: pd.Series, constant: float, words: Words) -> str:
    """What one constant rate of leaving would have projected, and whether it is clearly off."""
    said = f"One constant rate of leaving, the same at every age, would say {words.share(constant)}"
    if constant < end["low"]:
        return (
            f"{said}: it understates how long accounts stay, since the early months, in which more leave, weigh in it."
        )
    if constant > end["high"]:
        return f"{said}: it overstates how long accounts stay."
    return f"{said}, which is within that range."


def _months_stayed(stayed: Result, words: Words) -> list[str]:
    rows = stayed.table[stayed.table["group"] == "all"]
    said = []
    for row in rows[rows["from_age"] == 0].itertuples():
        span = words.interval(row.estimate, row.low, row.high, "months")
        said.append(f"Of its first {words.months(row.horizon)} a new account stays {span} on average.")
    later = rows[rows["from_age"] > 0].tail(1)
    for row in later.itertuples():
        span = words.interval(row.estimate, row.low, row.high, "months")
        said.append(
            f"One that has been here for {words.months(row.from_age)} stays a further {span} of the "
            f"{words.months(row.horizon - row.from_age)} left up to there; one constant rate would say "
            f"{words.months(row.constant)}."
        )
    return said


def stay_caption(projected: Result, *, words: Words) -> str:
    """The projected share, then what is drawn."""
    end, last = _end(projected, "projected"), _end(projected, "observed")
    if last is None:
        return ""
    if end is None:
        return f"**Of new accounts {words.share(last['estimate'])} are still here after {words.months(last['age'])}.**"
    return (
        f"**Projected to {words.months(end['age'])}, "
        f"{words.interval(end['estimate'], end['low'], end['high'], 'share')} would still be here.** Solid: observed. "
        "Dashed: projected, with a range that widens with the distance. Dotted: if accounts of every age left at one "
        "rate."
    )


def reach(projected: Result, *, multiple: float, horizon: int, words: Words) -> str:
    """How far the projection goes and why no further."""
    end, last = _end(projected, "projected"), _end(projected, "observed")
    if end is None or last is None:
        return ""
    why = (
        "the horizon set for this report"
        if end["age"] >= horizon
        else f"{_times(multiple, words)} times the age up to which enough accounts are followed"
    )
    return (
        f"The projection goes no further than {words.months(end['age'])}, {why}. Beyond {words.months(last['age'])} "
        "accounts have not been seen in numbers that can be shown: the range there holds only if leaving goes on as "
        "the shape has it."
    )


def on_trial(projected: Result) -> Result:
    """The whole company's curves for the figure of the check; nothing where nothing could be held out."""
    whole = projected.where(group="all")
    tried = whole.table["part"].eq("held_out").any()
    return whole if tried else whole.with_table(whole.table.head(0))


def check_caption(projected: Result, *, words: Words) -> str:
    """How close the projection from earlier ages came to what was seen since."""
    rows = projected.table[projected.table["group"] == "all"]
    late = rows[rows["part"] == "held_out"]
    if late.empty:
        return ""
    seen = rows[rows["part"] == "observed"].set_index("age")["estimate"]
    last = late.iloc[-1]
    return (
        f"**Projected from {words.months(late['age'].iloc[0])} on, {words.share(last['estimate'])} would be here at "
        f"{words.months(last['age'])}; {words.share(seen[last['age']])} are.** The same shape fitted as if the data "
        "had ended earlier, against what was observed since."
    )


def check(tests: Result, *, words: Words) -> str:
    """How far the shapes were off on the ages held out, and how far apart they end, term by term."""
    said = []
    for group, rows in tests.table.groupby("group", sort=False):
        whole = group == "all"
        used = rows[rows["used"]].iloc[0]
        text = (
            f"{'All accounts' if whole else f'{words.escape(str(group)).capitalize()} contracts'}: fitted to the first "
            f"{words.months(used['fitted_to'])} and judged on the time to {words.months(used['judged_to'])}, in which "
            f"{words.plural(used['events'], 'account')} left, "
            f"{_named(used['shape'])} was off by {words.points(used['estimate'])} on average"
        )
        others = rows[rows["shape"] != used["shape"]]
        constant = others[others["shape"] == "exponential"]
        if len(constant):
            text += f", one rate at every age by {words.points(constant['estimate'].iloc[0])}"
        said.append(f"{text}.")
        if len(others):
            ends = words.shares(rows["at_horizon"].min(), rows["at_horizon"].max())
            said.append(f"Whichever of the shapes is taken, {ends} would be here at the end of the projection.")
    return " ".join(said)


def limits(*, multiple: float, warning: str | None, words: Words) -> str:
    """What the projection takes for granted, and what would change the answer.

    Parameters
    ----------
    warning : why the curve may not be retention; None where it is
    """
    return " ".join(
        part
        for part in (
            warning,
            "Ranges hold the chance in the data and the choice of shape, but no months that are good or bad for many "
            "accounts at once. Newer accounts tell of early ages, older ones of late ages: if newer ones are of "
            "another kind, the later part of the curves will not be theirs.",
            f"A projection goes at most {_times(multiple, words)} times as far as accounts were followed, and takes "
            "for granted that leaving goes on as it has.",
        )
        if part
    )


def quietly(result: Result) -> Result:
    """The same without the study's notes, where the page's own text says them."""
    return Result(**{**vars(result), "notes": ()})


def _end(projected: Result, part: str) -> pd.Series | None:
    """The last row of a part of the whole company's curve; None where there is none."""
    rows = projected.table[(projected.table["group"] == "all") & (projected.table["part"] == part)]
    return rows.sort_values("age").iloc[-1] if len(rows) else None


def _beyond(end: pd.Series, words: Words) -> str:
    outcome = f"would still be here after {words.months(end['age'])}"
    return f"Projected further, {words.out_of_100(end['estimate'], end['low'], end['high'], outcome)}."


def _not_projected(projected: Result) -> str:
    why = [note for note in projected.notes if note.startswith("Not projected")]
    return why[0] if why else "Not projected: too few decisions are observed one after the other."


def _named(shape: str) -> str:
    return SHAPES[shape] if shape == "exponential" else f"the {SHAPES[shape]} shape"


def _times(multiple: float, words: Words) -> str:
    return words.number(multiple, 1).removesuffix(".0")
