"""What can go wrong for a user, each kind with its exit code.

A message says the rule, the offending value, where it is and what to do. Everything raised on purpose for a mistake in
data, mapping, settings, parameters, a chapter or publishing is a `ReportError`; anything else is a defect of ours and
keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence


class ReportError(Exception):
    """A mistake that the user can mend."""

    exit_code = 1


class DataError(ReportError):
    """The data break a rule of the contract.

    Parameters
    ----------
    rule : what must hold, as a sentence
    table, column : where it does not hold
    count : rows that break it
    examples : a few offending values or rows
    remedy : what to do about it
    """

    exit_code = 3

    def __init__(
        self,
        rule: str,
        *,
        table: str | None = None,
        column: str | None = None,
        count: int | None = None,
        examples: Sequence[object] = (),
        remedy: str = "",
    ) -> None:
        self.rule, self.table, self.column = rule, table, column
        self.count, self.examples, self.remedy = count, tuple(examples), remedy
        place = ".".join(part for part in (table, column) if part)
        lines = [rule if rule.endswith(".") else f"{rule}."]
        if place:
            lines.append(f"  where:    {place}")
        if count is not None:
            lines.append(f"  rows:     {count:,}")
        if self.examples:
            lines.append(f"  examples: {'; '.join(str(example) for example in self.examples)}")
        if remedy:
            lines.append(f"  remedy:   {remedy}")
        super().__init__("\n".join(lines))


class SettingsError(ReportError):
    """A setting, parameter or command-line option is unknown, mistyped or impossible."""

    exit_code = 4


class ChapterError(ReportError):
    """A chapter failed: notebook, cell and cause are in the message."""

    exit_code = 5


class PublishError(ReportError):
    """The chapters ran but the site or the PDF could not be made."""

    exit_code = 6
