"""What a report is made of: `report.yml`, the command line and each notebook's own defaults.

Read once and checked before anything starts. Precedence: notebook default < ``parameters`` of the report < the
chapter's own < ``-p name=value``.
"""

from __future__ import annotations

import ast
import difflib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from customer_value.errors import SettingsError
from customer_value.intake.contract import BY_NAME
from customer_value.rules import Behaviour, JourneyKinds, Rules, UsageKinds, ValueKinds

ParameterValue = bool | int | float | str | None

EARLIEST, LATEST = date(1970, 1, 1), date(2100, 12, 31)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChapterSettings(_Strict):
    """One chapter: its notebook, the tables it cannot do without, and parameters of its own.

    Where one of several tables is enough, one of ``needs`` names them all: ``usage_events or feature_usage_monthly``.
    """

    notebook: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    needs: tuple[str, ...] = ()
    parameters: dict[str, ParameterValue] = {}

    @field_validator("needs")
    @classmethod
    def _known_tables(cls, needs: tuple[str, ...]) -> tuple[str, ...]:
        for table in (table for need in needs for table in alternatives(need)):
            if table not in BY_NAME:
                raise ValueError(f"names no table of the contract: {table!r}.{nearest(table, BY_NAME)}")
        return needs


class SetAside(_Strict):
    """Largest share of rows that may be set aside before the run stops."""

    subscriptions: Annotated[float, Field(ge=0, le=1)] = 0.01
    other: Annotated[float, Field(ge=0, le=1)] = 0.20


class Settings(_Strict):
    """The whole of `report.yml`."""

    title: Annotated[str, Field(min_length=1)]
    locale: str = "en-GB"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    data: str | None = None
    mapping: str | None = None
    as_of: date | None = None
    grace_days: Annotated[int, Field(ge=0, le=366)] = 31
    max_set_aside: SetAside = SetAside()
    parameters: dict[str, ParameterValue] = {}
    segments: Rules = Rules()
    front_page: ChapterSettings
    chapters: Annotated[tuple[ChapterSettings, ...], Field(min_length=1)]

    @field_validator("locale")
    @classmethod
    def _known_locale(cls, value: str) -> str:
        from customer_value.strategy.wording import LOCALES

        if value not in LOCALES:
            raise ValueError(f"must be one of {', '.join(sorted(LOCALES))}")
        return value

    @field_validator("as_of")
    @classmethod
    def _possible_date(cls, value: date | None) -> date | None:
        if value is not None and not EARLIEST <= value <= LATEST:
            raise ValueError(f"must lie between {EARLIEST} and {LATEST}")
        return value

    @field_validator("chapters")
    @classmethod
    def _no_chapter_twice(cls, chapters: tuple[ChapterSettings, ...]) -> tuple[ChapterSettings, ...]:
        names = [chapter.notebook for chapter in chapters]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"lists a chapter twice: {', '.join(twice)}")
        return chapters

    def all_chapters(self) -> tuple[ChapterSettings, ...]:
        """The chapters in reading order, the front page last because it runs last."""
        return (*self.chapters, self.front_page)


@dataclass(frozen=True)
class Chapter:
    """A chapter ready to run: its notebook and the complete effective parameters."""

    name: str
    path: Path
    needs: tuple[str, ...]
    parameters: dict[str, ParameterValue]


def load(path: Path, **overrides: object) -> Settings:
    """Read and check `report.yml`; ``overrides`` that are not None replace its values.

    Raises
    ------
    SettingsError : the file is missing or no YAML; a key is unknown; a value has the wrong type or is impossible
    """
    if not path.is_file():
        raise SettingsError(
            f"The settings file is missing.\n  where:  {path}\n  remedy: run from the repository's folder"
        )
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an impossible date such as 31 February
        raise SettingsError(f"The settings file is no valid YAML.\n  where:  {path}\n  cause:  {error}") from error
    if not isinstance(values, dict):
        raise SettingsError(f"The settings file must hold keys and values.\n  where:  {path}")
    values |= {key: value for key, value in overrides.items() if value is not None}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_explain(error, path.name)) from error


def _explain(error: ValidationError, where: str) -> str:
    lines = []
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = _fields_at(problem["loc"][:-1])
            lines.append(f"Unknown setting: {place}.{nearest(str(problem['loc'][-1]), known)}")
        else:
            got = "" if problem["type"] == "missing" else f" (got: {problem['input']!r})"
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"Setting {place}: {message[0].lower()}{message[1:]}{got}")
    return "\n".join([*lines, f"  where: {where}"])


def _fields_at(location: Sequence[int | str]) -> list[str]:
    if not location:
        return list(Settings.model_fields)
    if location[0] == "segments":
        inner = [str(step) for step in location[1:] if isinstance(step, str)]
        return list(_RULES[inner[0]].model_fields if inner else Rules.model_fields)
    if location[0] == "max_set_aside":
        return list(SetAside.model_fields)
    return list(ChapterSettings.model_fields)


_RULES: Mapping[str, type[BaseModel]] = {
    "behaviours": Behaviour, "usage": UsageKinds, "journey": JourneyKinds, "value": ValueKinds,
}  # fmt: skip


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that names the closest right spelling, or lists what exists."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else f" Known: {', '.join(known)}."


def notebook_defaults(path: Path) -> dict[str, ParameterValue]:
    """The parameters a notebook declares: the literal assignments in its cell tagged ``parameters``.

    Raises
    ------
    SettingsError : the notebook is missing or unreadable, or a default is no literal
    """
    if not path.is_file():
        raise SettingsError(
            f"A chapter's notebook is missing.\n  where:  {path}\n  remedy: add it, or remove its line from report.yml"
        )
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (json.JSONDecodeError, KeyError) as error:
        raise SettingsError(f"A chapter's notebook cannot be read.\n  where: {path}\n  cause: {error}") from error
    defaults: dict[str, ParameterValue] = {}
    for cell in cells:
        if "parameters" not in cell.get("metadata", {}).get("tags", []):
            continue
        for statement in ast.parse("".join(cell["source"])).body:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
            try:
                defaults[target.id] = ast.literal_eval(statement.value)
            except (AttributeError, ValueError, TypeError) as error:
                raise SettingsError(
                    f"A parameter's default must be a plain value.\n  where: {path.name}: {ast.unparse(statement)}"
                ) from error
    return defaults


def alternatives(need: str) -> list[str]:
    """The tables of which a chapter needs one: "usage_events or feature_usage_monthly" names two."""
    return need.split(" or ")


def parse_assignment(text: str) -> tuple[str, str]:
    """Split ``name=value`` as given with ``-p``."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise SettingsError(f"A parameter is given as name=value, got: {text!r}")
    return name.strip(), value.strip()


def chapters(settings: Settings, notebooks: Path, *, given: Mapping[str, str] | None = None) -> tuple[Chapter, ...]:
    """Every chapter with its complete effective parameters, the front page last.

    Parameters
    ----------
    settings : the report's settings
    notebooks : the folder of the notebooks
    given : parameters from the command line, as text; each applies to every chapter that declares it

    Raises
    ------
    SettingsError : a parameter is declared by no chapter, or its value does not have the default's type
    """
    given = given or {}
    declared = {
        chapter.notebook: notebook_defaults(notebooks / f"{chapter.notebook}.ipynb")
        for chapter in settings.all_chapters()
    }
    known = sorted({name for defaults in declared.values() for name in defaults})
    for source, names in (("report.yml", settings.parameters), ("-p", given)):
        for name in names:
            if name not in known:
                raise SettingsError(f"No chapter declares the parameter {name} ({source}).{nearest(name, known)}")
    ready = []
    for chapter in settings.all_chapters():
        defaults = declared[chapter.notebook]
        for name in chapter.parameters:
            if name not in defaults:
                raise SettingsError(
                    f"{chapter.notebook} does not declare the parameter {name}.{nearest(name, defaults)}"
                )
        asked = settings.parameters | chapter.parameters | dict(given)
        effective = {
            name: _typed(name, asked[name], default) if name in asked else default for name, default in defaults.items()
        }
        ready.append(Chapter(chapter.notebook, notebooks / f"{chapter.notebook}.ipynb", chapter.needs, effective))
    return tuple(ready)


def _typed(name: str, value: ParameterValue, default: ParameterValue) -> ParameterValue:
    """``value`` in the type of ``default``; ``-p`` gives text, `report.yml` gives typed values."""
    wanted = type(default)
    try:
        if isinstance(default, bool):
            if str(value).lower() not in ("true", "false"):
                raise ValueError
            typed: ParameterValue = str(value).lower() == "true"
        elif isinstance(default, int):
            typed = int(str(value))
        elif isinstance(default, float):
            typed = float(str(value))
            if not math.isfinite(typed):
                raise ValueError
        else:
            typed = "" if value is None else str(value)
    except ValueError as error:
        kind = {bool: "true or false", int: "a whole number", float: "a number"}[wanted]
        raise SettingsError(f"Parameter {name} must be {kind}, got: {value!r}") from error
    _check_range(name, typed)
    return typed


_RANGES = {"confidence": (0.5, 0.999), "min_group": (2, 10_000), "horizon": (1, 600)}


def _check_range(name: str, value: ParameterValue) -> None:
    if name in _RANGES:
        low, high = _RANGES[name]
        if not low <= value <= high:
            raise SettingsError(f"Parameter {name} must lie between {low} and {high}, got: {value!r}")
    if name.startswith("period_") and value:
        parse_date(name, str(value))


def parse_date(name: str, value: str) -> date:
    """An ISO date such as 2026-06-30.

    Raises
    ------
    SettingsError : it is not one, or lies outside 1970–2100
    """
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise SettingsError(f"{name} must be a date such as 2026-06-30, got: {value!r}") from error
    if not EARLIEST <= day <= LATEST:
        raise SettingsError(f"{name} must lie between {EARLIEST} and {LATEST}, got: {value!r}")
    return day
