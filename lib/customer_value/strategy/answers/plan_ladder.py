"""What the plan ladder shows, in words: Results in, Markdown out."""

from __future__ import annotations

from datetime import date
from statistics import NormalDist

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.wording import Words

POWER = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)
"""Standard errors that a difference must measure to be found four times in five."""


def hardest_step(steps: Result) -> pd.Series | None:
    """The plan that clearly fewer move up from than from the others, else the one that clearly more leave.

    Clear after the correction, and pointing the same way before groups were made alike; of several the most extreme.
    None where there is none.
    """
    table, alpha = steps.table, 1 - (steps.level or 0.95)
    for metric, worse in (("up", -1.0), ("left", 1.0)):
        rows = table[(table["metric"] == metric) & (table["p_adjusted"] <= alpha)]
        rows = rows[(worse * rows["difference"] > 0) & (worse * rows["raw"] > 0)]
        if len(rows):
            return rows.loc[(worse * rows["difference"]).idxmax()]
    return None


def headline(steps: Result, *, words: Words) -> str:
    """Where the ladder breaks, or that no step stands out."""
    plans = steps.table["plan"].nunique()
    if plans < 2:
        return "There is one plan only, so there is no ladder to climb" if plans else "No plan is named in the data"
    worst = hardest_step(steps)
    if worst is None:
        ups = steps.table[steps.table["metric"] == "up"]
        if len(ups) < 2:
            return "The plan ladder has one step, so there is none to compare it with"
        if ups["p"].notna().sum() < 2:
            return "Too few accounts to tell where the plan ladder breaks"
        return "No step of the plan ladder is clearly harder than the others"
    plan = words.escape(worst["plan"])
    if worst["metric"] == "up":
        return f"The ladder breaks above {plan}: fewer move up from there than from other plans"
    return f"The ladder breaks at {plan}: more leave there than on other plans, also at equal size, term and age"


def detail(steps: Result, *, start: date, end: date, words: Words) -> str:
    """Every step in counts, and what the comparison of steps could have found."""
    table = steps.table
    ups = table[(table["metric"] == "up") & table["estimate"].notna()]
    if ups.empty:
        return "" if table.empty else "Every plan with one above it holds too few accounts to show."
    parts = [
        f"from {words.escape(row['plan'])}, {words.count(row['events'], row['n'])} accounts moved up "
        f"({words.range(row['low'], row['high'], 'share')})"
        for _, row in ups.iterrows()
    ]
    text = f"Between the closes of {words.date(start)} and {words.date(end)}: {'; '.join(parts)}."
    tested, worst = ups[ups["p"].notna()], hardest_step(steps)
    if worst is not None:
        ends = sorted(abs(worst[end]) for end in ("difference_low", "difference_high"))
        what, alike = {
            "up": ("fewer moved up from", "contract term and age"),
            "left": ("more left", "size, contract term and age"),
        }[worst["metric"]]
        gap = words.range(*ends, "points")
        text += f" At equal {alike}, {gap} {what} {words.escape(worst['plan'])} than the other plans."
    elif len(tested) > 1:
        quantile = NormalDist().inv_cdf(0.5 + (steps.level or 0.95) / 2)
        gap = ((tested["difference_high"] - tested["difference_low"]) / 2 / quantile * POWER).median()
        text += (
            " Whether one step is harder than another cannot be told from these counts: a gap of about "
            f"{words.points(gap, 0)} would have been found four times in five, smaller ones mostly not."
        )
    return text


def caption(moves: Result, *, start: date, end: date, words: Words) -> str:
    """What the cells are."""
    sums = moves.table.groupby("way")["accounts"].sum()
    up, down = (words.number(sums.get(way, 0)) for way in ("up", "down"))
    return (
        f"**{up} accounts moved up a plan, {down} moved down.** A row is the plan at the close of {words.date(start)}, "
        f"the highest at the top; a column is where its accounts were at the close of {words.date(end)}. Whoever left "
        "in between has left, even if it came back."
    )


def steps_caption(steps: Result, *, start: date, end: date, words: Words) -> str:
    """Which plans most and fewest move up from and leave, then what is measured."""
    parts = []
    for metric, verb in (("up", "move up from"), ("left", "leave")):
        rows = steps.table[(steps.table["metric"] == metric) & steps.table["estimate"].notna()]
        if len(rows) > 1:
            most, fewest = rows.loc[rows["estimate"].idxmax()], rows.loc[rows["estimate"].idxmin()]
            high, low = words.share(most["estimate"]), words.share(fewest["estimate"])
            alike = f"{high} {verb} each plan, to the nearest per cent"
            apart = f"{high} {verb} {words.escape(most['plan'])} and {low} {verb} {words.escape(fewest['plan'])}"
            parts.append(alike if high == low else apart)
    said = f"**{_upper('; '.join(parts))}.** " if parts else ""
    return (
        f"{said}Share of each plan's accounts that moved up, and that left, between the closes of {words.date(start)} "
        f"and {words.date(end)}: the highest and the lowest of each are named. The bar is the range."
    )


def time_detail(time: Result, *, words: Words) -> str:
    """How many have moved up, and left, a year after coming onto a plan, and when half of those who moved up had."""
    table = time.table
    parts = []
    for plan in dict.fromkeys(table["plan"]):
        rows = table[(table["plan"] == plan) & table["estimate"].notna()]
        up, left = rows[rows["way"] == "up"], rows[rows["way"] == "left"]
        if up.empty or left.empty:
            continue
        age = 12 if (up["month"] == 12).any() else int(up["month"].max())
        one, two = (each[each["month"] == age].iloc[0] for each in (up, left))
        half = up.loc[up["estimate"] >= up["estimate"].iloc[-1] / 2, "month"]
        last = up.iloc[-1]
        text = (
            f"out of 100 that came onto {words.escape(plan)}, {words.number(100 * one['estimate'])} had moved up after "
            f"{words.months(age)} ({words.range(one['low'], one['high'], 'share')}) and "
            f"{words.number(100 * two['estimate'])} had left"
        )
        if last["estimate"] > 0:
            within = words.months(last["month"])
            text += f"; half of those that moved up within {within} had done so by month {half.iloc[0]}"
        parts.append(text)
    if not parts:
        return ""
    said = ". ".join([parts[0], *map(_upper, parts[1:])])
    return (
        f"Counted from the day on which an account came onto the plan, {said}. Who left could no longer move up and is "
        "counted as that, not taken for merely unseen. The table above counts all accounts of a plan, however long "
        "they have been on it; so its shares differ."
    )


def time_caption(time: Result, *, words: Words) -> str:
    """The share that has moved up at the last month that curves reach."""
    up = time.table[(time.table["way"] == "up") & time.table["estimate"].notna()]
    if up.empty:
        return "Share that has moved up a plan."
    ends = up.sort_values("month", kind="stable").groupby("plan", sort=False).tail(1)
    best = ends.loc[ends["estimate"].idxmax()]
    return (
        f"**Of accounts that came onto {words.escape(best['plan'])}, "
        f"{words.interval(best['estimate'], best['low'], best['high'], 'share')} had moved up after "
        f"{words.months(best['month'])}.** Share that has moved to a higher plan, by months on the plan; leaving and "
        "moving down compete with it. A curve ends where fewer than the smallest group are left on the plan."
    )


def upgrades(time: Result) -> Result:
    """The shares that have moved up, keyed by ``plan, month``."""
    rows = time.where(way="up")
    return Result(**{**vars(rows), "keys": ("plan", "month")})


def at_a_year(time: Result) -> Result:
    """The rows of the twelfth month on a plan and of the last month that its curve reaches."""
    table = time.table[time.table["estimate"].notna()]
    last = table.groupby(["plan", "way"])["month"].transform("max")
    return time.with_table(table[(table["month"] == 12) | (table["month"] == last)])


def moved(moves: Result) -> Result:
    """The cells with anybody in them, moves before those who stayed, the largest sum of MRR first."""
    table = moves.table[moves.table["accounts"] > 0]
    table = table.assign(stayed=table["way"] == "same").sort_values(["stayed", "mrr"], ascending=[True, False])
    return moves.with_table(table.drop(columns="stayed"))


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
