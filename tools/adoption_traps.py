"""The page on what misleads in charts of adoption: its numbers from simulated businesses, its pictures, its words.

    python tools/adoption_traps.py

draws the businesses anew (a minute), stores their numbers in docs/pictures/adoption-traps.json and renews the page and
its pictures. The words are in tools/adoption-traps.md. `derived` makes page and pictures from the stored numbers, and
`make docs` renews them; tests hold that neither has drifted, and that the businesses give these numbers. In all of
these businesses every feature is without effect on anything, so that whatever is found is an artefact.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from customer_value import figures, intake, marts, simulate
from customer_value.figures import theme
from customer_value.marts import Marts
from customer_value.stats import evalue
from customer_value.stats.result import Result
from customer_value.strategy.wording import Words
from customer_value.studies import feature_adoption, feature_links, feature_verdicts

ROOT = Path(__file__).resolve().parents[1]
STORE = ROOT / "docs" / "pictures" / "adoption-traps.json"
FEATURE = "Shared spaces"
ACCOUNTS, MONTHS, SEED = 5_000, 36, 1
LIVES, BEFORE = 26, 8
MARGIN = feature_verdicts.MARGIN
WORDS = Words(locale="en-GB", currency="GBP")


def businesses() -> dict[str, simulate.Parameters]:
    """No feature has an effect. In one, leavers wind down; in the other health decides, which nobody sees."""
    spread = simulate.DEFAULT.features.without_effects()
    # Nobody has it at the start, those who stay get to it one by one, and leavers drop it first.
    own = simulate.Feature(
        FEATURE, "basic", "Collaboration", "null", start=0.0, pace=0.03, keep=0.97, drop=0.0, winds_down=1.0
    )
    others = tuple(one for one in spread.items if one.name in ("Dashboard", "Reports", "Templates"))
    idle = replace(simulate.NULL, features=replace(spread, items=(own, *others)))
    return {
        "wind_down": replace(idle, wind_down=simulate.DEFAULT.wind_down),
        "health": replace(
            idle, health=replace(simulate.DEFAULT.health, persistence=0.98, leaving=-0.6, adoption=1.0, growing=0.0)
        ),
    }


# --- numbers ---------------------------------------------------------------------------------------------------------


def numbers() -> dict[str, object]:
    """Everything that the page and its pictures say."""
    found: dict[str, object] = {"accounts": ACCOUNTS, "months": MONTHS, "seed": SEED}
    for name, parameters in businesses().items():
        with tempfile.TemporaryDirectory() as folder:
            opened = _marts(Path(folder), parameters)
            found[name] = _estimates(opened)
            if name == "wind_down":
                found |= {"lives": _lives(opened), "before_leaving": _before_leaving(opened)}
    _hold(found)
    return found


def _marts(folder: Path, parameters: simulate.Parameters) -> Marts:
    tables = ("customers", "subscriptions", "plans", "features", "feature_usage_monthly")
    business = simulate.simulate(accounts=ACCOUNTS, months=MONTHS, seed=SEED, parameters=parameters, tables=tables)
    simulate.write(business, folder / "data")
    intake.load(folder / "data", mapping=folder / "data" / "mapping.yml", out=folder / "tables")
    return marts.build(folder / "tables", folder / "marts", grace_days=31)


def _estimates(opened: Marts) -> dict[str, object]:
    naive, landmark, lagged = (
        study(opened) for study in (feature_links.naive, feature_links.landmark, feature_links.lagged)
    )
    verdicts = feature_verdicts.verdicts(lagged, landmark, feature_adoption.adoption(opened))

    def ratio(row: pd.Series) -> dict[str, float]:
        kept = ("estimate", "low", "high", "events", "e_value", "e_value_limit")
        return {name: round(float(row[name]), 4) for name in kept if name in row and pd.notna(row[name])}

    mine = lagged.table[(lagged.table["feature"] == FEATURE) & (lagged.table["outcome"] == "leaving")]
    return {
        "naive": ratio(naive.row(feature=FEATURE, outcome="leaving")),
        "lags": {str(int(row["lag"])): ratio(row) for _, row in mine.iterrows()},
        "verdict": str(verdicts.row(feature=FEATURE)["verdict"]),
    }


def _lives(opened: Marts) -> list[dict[str, object]]:
    """Accounts of the first year, evenly picked by how long they were seen: months seen, when adopted, whether left."""
    spells, accounts = opened.frame("spells"), opened.frame("accounts")
    first = spells[spells["spell"] == 1].merge(accounts[["customer_id", "opening_stock"]], on="customer_id")
    begun = pd.Timestamp(opened.meta.first_month)
    young = first["start_date"].between(begun, begun + pd.DateOffset(months=12)) & ~first["opening_stock"].astype(bool)
    adopted = opened.frame("adoption").query("feature == @FEATURE").set_index("customer_id")["adopted_in"]
    first = first[young].assign(adopted=lambda table: table["customer_id"].map(adopted))
    end = first["end_date"].fillna(pd.Timestamp(opened.meta.as_of))
    month = pd.Timedelta(days=365.25 / 12)
    first = first.assign(
        seen=(end - first["start_date"]) / month,
        until=(first["adopted"] - first["start_date"]) / month,
        left=first["end_date"].notna(),
    ).sort_values(["seen", "customer_id"])
    picked = first.iloc[np.linspace(0, len(first) - 1, LIVES).round().astype(int)]
    return [
        {
            "seen": round(row.seen, 2),
            "adopted": None if pd.isna(row.until) else round(max(row.until, 0.0), 2),
            "left": bool(row.left),
        }
        for row in picked.itertuples()
    ]


def _before_leaving(opened: Marts) -> dict[str, list[float]]:
    """Share of adopters that used it so many months before the month in which they left, and in the same months of
    those that stayed to the end."""
    spells = opened.frame("spells").query("spell == 1").set_index("customer_id")
    adopted = opened.frame("adoption").query("feature == @FEATURE").set_index("customer_id")["adopted_in"]
    used = opened.frame("feature_months").query("feature == @FEATURE")
    used = set(zip(used["customer_id"], used["month"].dt.to_period("M"), strict=True))
    last = pd.Period(opened.meta.last_month, "M")
    ends = spells["end_date"].dt.to_period("M").reindex(adopted.index)
    leaves = ends.notna()
    final = ends.where(leaves, last)
    early = adopted.dt.to_period("M") < final - BEFORE
    found = {}
    for name, who in (("left", leaves & early), ("stayed", ~leaves & early)):
        members = final[who]
        found[name] = [
            round(float(np.mean([(account, end - back) in used for account, end in members.items()])), 4)
            for back in range(1, BEFORE + 1)
        ]
    return found


def _hold(found: Mapping[str, object]) -> None:
    """What the page's sentences take for granted; a business in which it does not hold is no example."""
    gone, sick = found["wind_down"], found["health"]
    ours = gone["lags"]["3"]
    holds = {
        "by hindsight it looks wonderful": gone["naive"]["high"] < MARGIN[0],
        "not using it looks deadly": gone["lags"]["1"]["high"] < MARGIN[0],
        "ours holds 1": ours["low"] <= 1 <= ours["high"],
        "ours lies between": gone["naive"]["estimate"] < ours["estimate"] < 1 / gone["lags"]["1"]["estimate"],
        "no effect is found": gone["verdict"] == feature_verdicts.NONE,
        "health fools every lag": all(row["high"] < 1 for row in sick["lags"].values()),
        "health gets a link": sick["verdict"] == feature_verdicts.RETENTION,
    }
    failed = [name for name, true in holds.items() if not true]
    if failed:
        raise ValueError(f"the page's sentences do not hold: {', '.join(failed)}")


# --- pictures --------------------------------------------------------------------------------------------------------


def pictures(found: Mapping[str, object]) -> dict[str, bytes]:
    """The pictures as SVG, by file name."""
    return {
        f"adoption-{name}.svg": theme.svg(draw(found))
        for name, draw in (("between", _between), ("immortal", _immortal), ("falling", _falling), ("lags", _lags))
    }


def _result(rows: list[dict[str, object]], keys: tuple[str, str]) -> Result:
    return Result(name="traps", table=pd.DataFrame(rows), keys=keys, unit="ratio", level=0.95, n_of="accounts")


def _turned(row: Mapping[str, float]) -> dict[str, float]:
    """The ratio of those without against those with."""
    return {"estimate": 1 / row["estimate"], "low": 1 / row["high"], "high": 1 / row["low"]}


def _between(found: Mapping[str, object]) -> Figure:
    gone = found["wind_down"]
    rows = [
        {"view": "Ever adopted it, against never", "way": "one", **gone["naive"]},
        {"view": "Without it shortly before, against with it", "way": "one", **_turned(gone["lags"]["1"])},
        {"view": "This report: use read three whole months before", "way": "one", **gone["lags"]["3"]},
    ]
    return figures.ratios(
        _result(rows, ("view", "way")),
        words=WORDS,
        labels={"one": "one feature that does nothing, with its 95% range"},
        margin=MARGIN,
        margin_label="Shaded: too small a difference to matter.",
        sides=("leave less often", "leave more often"),
        x_label="How often accounts leave in a month, as a multiple of the other accounts",
    )


def _lags(found: Mapping[str, object]) -> Figure:
    ways = {"wind_down": "leavers stop first, in the last months", "health": "health decides, unseen"}
    rows = [
        {"lag": f"{lag} whole {'month' if lag == '1' else 'months'} before", "way": way, **found[way]["lags"][lag]}
        for lag in found["wind_down"]["lags"]
        for way in ways
    ]
    return figures.ratios(
        _result(rows, ("lag", "way")),
        words=WORDS,
        main="wind_down",
        labels=ways,
        margin=MARGIN,
        margin_label="Shaded: too small a difference to matter.",
        sides=("users leave less often", "users leave more often"),
        x_label="How often regular users leave in a month, as a multiple of accounts without use; use is read so long "
        "before",
    )


def _immortal(found: Mapping[str, object]) -> Figure:
    lives = found["lives"]
    with theme.context():
        size, row = theme.type_size(False), 0.14
        figure = theme.sheet(narrow=False, height=0.95 + row * len(lives))
        theme.write(
            figure, "Months from sign-up; one line an account", left=0.05, top=0.06, size=size, color=theme.MUTED
        )
        entries = (
            ("● adopts the feature", theme.ACCENT),
            ("— with it", theme.ACCENT),
            ("— without it", theme.UNCLEAR),
            ("| leaves", theme.INK),
        )
        left = 0.05
        for text, colour in entries:
            theme.write(figure, text, left=left, top=0.26, size=size, color=colour)
            left += theme.text_width(text, size) + 0.3
        axes = theme.place(figure, left=0.12, top=0.56, width=theme.WIDE - 0.3, height=row * len(lives))
        for place, life in enumerate(lives):
            switch = life["seen"] if life["adopted"] is None else min(life["adopted"], life["seen"])
            axes.plot([0, switch], [place, place], color=theme.CONTEXT, lw=2)
            if life["adopted"] is not None:
                axes.plot([switch, life["seen"]], [place, place], color=theme.ACCENT, lw=2)
                axes.plot([switch], [place], "o", ms=5, color=theme.ACCENT)
            if life["left"]:
                axes.plot([life["seen"]], [place], "|", ms=8, mew=1.6, color=theme.INK)
        axes.set_yticks([])
        axes.set_ylim(len(lives) - 0.3, -0.7)
        axes.set_xlim(0, max(life["seen"] for life in lives) + 0.5)
        axes.set_xticks(range(0, MONTHS + 1, 6))
        axes.tick_params(labelsize=size - 1)
        axes.grid(axis="x")
        return theme.finish(figure)


def _falling(found: Mapping[str, object]) -> Figure:
    shares = found["before_leaving"]
    with theme.context():
        size = theme.type_size(False)
        figure = theme.sheet(narrow=False, height=3.1)
        theme.write(
            figure,
            "Per cent of its adopters that used the feature, by months before the month in which they left",
            left=0.05,
            top=0.06,
            size=size,
            color=theme.MUTED,
        )
        axes = theme.place(figure, left=0.5, top=0.42, width=theme.WIDE - 2.2, height=2.25)
        months = -np.arange(1, BEFORE + 1)
        for name, label, colour in (("stayed", "stayed", theme.UNCLEAR), ("left", "left", theme.ACCENT)):
            axes.plot(months, shares[name], "-o", color=colour, lw=2, ms=4)
            where = 0.42 + 2.25 * (1 - shares[name][0] / 1.05)
            theme.write(
                figure,
                f"accounts that {label}",
                left=theme.WIDE - 1.6,
                top=where,
                size=size,
                color=colour,
                vertical="center",
            )
        axes.set_ylim(0, 1.05)
        axes.set_xlim(-BEFORE - 0.2, -0.8)
        theme.value_grid(axes, (0, 0.25, 0.5, 0.75, 1.0), ("0", "25", "50", "75", "100%"), size=size - 1)
        axes.set_xticks(months, [WORDS.number(-month) for month in months])
        axes.tick_params(axis="x", labelsize=size - 1)
        return theme.finish(figure)


# --- the page --------------------------------------------------------------------------------------------------------


def page(found: Mapping[str, object]) -> str:
    """The page in Markdown: the words of tools/adoption-traps.md with the numbers in their places."""
    gone, sick = found["wind_down"], found["health"]
    naive, without, ours, ill = gone["naive"], _turned(gone["lags"]["1"]), gone["lags"]["3"], sick["lags"]["3"]
    fall, left = found["before_leaving"], [life for life in found["lives"] if life["left"]]
    values = {
        "accounts": WORDS.number(found["accounts"]),
        "months": WORDS.number(found["months"]),
        "naive": _with_range(naive),
        "naive_less": _share(1 - naive["estimate"]),
        "without": _with_range(without),
        "without_times": WORDS.number(without["estimate"], 1),
        "ours": _with_range(ours),
        "ours_times": WORDS.number(ours["estimate"], 2),
        "ours_range": WORDS.range(ours["low"], ours["high"], "ratio"),
        "verdict": gone["verdict"],
        "lives": WORDS.number(len(found["lives"])),
        "left": WORDS.number(len(left)),
        "left_without": WORDS.number(sum(life["adopted"] is None for life in left)),
        "before": WORDS.number(BEFORE),
        "fall_first": _share(fall["left"][-1]),
        "fall_last": _share(fall["left"][0]),
        "stayed_last": _share(fall["stayed"][0]),
        "lag_one": _with_range(gone["lags"]["1"]),
        "ill": _with_range(ill),
        "ill_one": _with_range(sick["lags"]["1"]),
        "ill_verdict": sick["verdict"],
        "e_value": WORDS.number(ill["e_value"], 1),
        "e_value_limit": WORDS.number(ill["e_value_limit"], 1),
        "margin": WORDS.range(*MARGIN, "ratio"),
        "needed": WORDS.number(round(evalue.events_to_exclude(MARGIN[1], 0.5), -2)),
        "needed_fifth": WORDS.number(round(evalue.events_to_exclude(MARGIN[1], 0.2), -2)),
    }
    words = Template((ROOT / "tools" / "adoption-traps.md").read_text(encoding="utf-8"))
    return "<!-- Written by tools/adoption_traps.py from tools/adoption-traps.md. -->\n" + words.substitute(values)


def _with_range(row: Mapping[str, float]) -> str:
    return f"{WORDS.number(row['estimate'], 2)} ({WORDS.range(row['low'], row['high'], 'ratio')})"


def _share(value: float) -> str:
    return WORDS.share(value, 0)


def derived(root: Path = ROOT) -> dict[Path, str]:
    """The page and its pictures, as they should be by the stored numbers."""
    found = json.loads((root / "docs" / "pictures" / "adoption-traps.json").read_text(encoding="utf-8"))
    files = {root / "docs" / "adoption-traps.md": page(found)}
    return files | {root / "docs" / "pictures" / name: svg.decode() for name, svg in pictures(found).items()}


if __name__ == "__main__":
    STORE.parent.mkdir(exist_ok=True)
    STORE.write_text(json.dumps(numbers(), indent=1) + "\n", encoding="utf-8")
    for target, content in derived().items():
        target.write_text(content, encoding="utf-8")
        print(f"renewed {target.relative_to(ROOT)}")
