"""The command line: `customer-value --help`.

Exit codes: 0 done · 2 wrong usage · 3 data · 4 settings or parameters · 5 a chapter · 6 publishing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from customer_value.errors import ReportError

app = typer.Typer(
    help="Turn a subscription business's tables into a published report of where customer value grows and shrinks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Data = Annotated[
    str | None, typer.Option("--data", help="Folder, file or web address of the data; default: the sample.")
]
Mapping = Annotated[
    str | None,
    typer.Option("--mapping", help="YAML file that maps your columns to the contract; default: <data>/mapping.yml."),
]
Name = Annotated[
    str | None, typer.Option("--name", help="Folder under reports/; default: the data folder's name, or sample.")
]
AsOf = Annotated[
    str | None, typer.Option("--as-of", help="See everything as of the close of this day, such as 2026-06-30.")
]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="Settings file; default: report.yml.")]
Engine = Annotated[str, typer.Option("--engine", help="auto, quarto or embedded.")]


@app.command()
def run(
    data: Data = None,
    mapping: Mapping = None,
    name: Name = None,
    as_of: AsOf = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value, for every chapter that declares it.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Chapters run side by side.")] = 2,
    engine: Engine = "auto",
    settings: SettingsFile = None,
) -> None:
    """Run every chapter and publish the report to reports/NAME/."""
    from customer_value.report import settings as report_settings
    from customer_value.report.request import Request

    chosen = _settings(settings, data=data, mapping=mapping, as_of=as_of)
    given = dict(report_settings.parse_assignment(text) for text in parameter or [])
    request = Request(settings=chosen, name=name, given=given, workers=workers, engine=_engine(engine))
    outcome = _with_progress(request)
    verb = "Published with" if outcome.changed else "Nothing changed since the last run; published with"
    typer.echo(f"{verb} {'Quarto' if outcome.engine == 'quarto' else 'the embedded publisher'}:")
    typer.echo(f"  site  {_shown(outcome.site)}")
    typer.echo(f"  PDF   {_shown(outcome.folder / 'strategy.pdf')}")


@app.command()
def check(
    data: Data = None,
    mapping: Mapping = None,
    name: Name = None,
    as_of: AsOf = None,
    settings: SettingsFile = None,
) -> None:
    """Check data against the contract; without a mapping, write a draft of one from the headers."""
    from customer_value.report.check import check as check_data
    from customer_value.report.request import Request

    request = Request(settings=_settings(settings, data=data, mapping=mapping, as_of=as_of), name=name)
    check_data(request, say=typer.echo)


@app.command()
def sample(
    name: Annotated[str, typer.Argument(help="sample (2,000 accounts) or sample-300.")] = "sample",
) -> None:
    """Make the simulated business under data/."""
    from customer_value.report.prepare import sample_folder
    from customer_value.report.request import repository

    typer.echo(_shown(sample_folder(name, root=repository())))


@app.command()
def publish(
    name: Annotated[str, typer.Argument(help="A report that ran before.")] = "sample",
    engine: Engine = "auto",
) -> None:
    """Publish an existing report once more, for example after installing Quarto."""
    from customer_value.report import run as runner
    from customer_value.report.request import repository

    outcome = runner.republish(name, root=repository(), engine=_engine(engine))
    typer.echo(_shown(outcome.site))


@app.command("list")
def list_() -> None:
    """List the chapters of the report and the reports that were published."""
    from customer_value.report import run as runner
    from customer_value.report import settings as report_settings
    from customer_value.report.request import repository

    settings = report_settings.load(repository() / "report.yml")
    typer.echo("chapters")
    for chapter in settings.all_chapters():
        needs = f"  needs {', '.join(chapter.needs)}" if chapter.needs else ""
        typer.echo(f"  {chapter.notebook}{needs}")
    typer.echo("reports")
    for report in runner.reports(repository()):
        typer.echo(f"  {report}")


def main() -> None:
    """Entry point: a mistake of the user's ends in a message and an exit code, never in a traceback."""
    try:
        app()
    except ReportError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


def _settings(path: Path | None, *, data: str | None, mapping: str | None, as_of: str | None):
    from customer_value.report import settings as report_settings
    from customer_value.report.request import repository

    day = report_settings.parse_date("AS_OF", as_of) if as_of else None
    path = path or repository() / "report.yml"
    return report_settings.load(path, data=data or None, mapping=mapping or None, as_of=day)


def _engine(engine: str) -> str:
    from customer_value.errors import SettingsError

    if engine not in ("auto", "quarto", "embedded"):
        raise SettingsError(f"--engine is auto, quarto or embedded, got: {engine!r}")
    return engine


def _with_progress(request):
    """Run with a bar on a terminal, with plain lines elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from customer_value.report import run as runner

    console = Console(stderr=True)
    if not console.is_terminal:
        return runner.run(request, progress=lambda what, done, steps: typer.echo(f"[{done}/{steps}] {what}", err=True))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("checking", total=None)
        return runner.run(
            request,
            progress=lambda what, done, steps: bar.update(task, description=what, completed=done, total=steps),
        )


def _shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
