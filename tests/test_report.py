"""The report that ships, end to end: hostile names stay text, and the figures known from elsewhere come out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from customer_value import simulate
from customer_value.report import run as runner
from customer_value.report import settings
from customer_value.report.request import Request

HOSTILE = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://example.invalid")',
    "](javascript:alert(1)) [x",
    "{{< include secret.txt >}} `raw`{=html}",
    "::: {.card} | $x^2$ | *bold* # head",
    '" onmouseover="alert(1)',
    "@fig-revenue-waterfall -1+1",
)


def repository(root: Path, folder: Path, *, chapters: tuple[str, ...] | None = None) -> Path:
    """The shipped notebooks and settings in a folder of their own, perhaps fewer chapters."""
    folder.mkdir(parents=True)
    shutil.copytree(root / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    for name in ("_quarto.yml", "requirements.lock"):
        shutil.copy(root / name, folder / name)
    values = yaml.safe_load((root / "report.yml").read_text(encoding="utf-8"))
    if chapters is not None:
        values["chapters"] = [chapter for chapter in values["chapters"] if chapter["notebook"] in chapters]
    (folder / "report.yml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return folder


def run(home: Path, *, name: str, given: dict[str, str] | None = None, **chosen: object) -> Path:
    request = Request(
        settings=settings.load(home / "report.yml", **chosen),
        name=name,
        given=given or {},
        engine="embedded",
        root=home,
    )
    return runner.run(request).folder


@pytest.fixture(scope="module")
def hostile(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on 300 accounts whose names and industries are attacks."""
    place = tmp_path_factory.mktemp("hostile")
    data = simulate.make_sample(place / "data", accounts=300)
    customers = pd.read_csv(data / "customers.csv", dtype=str, keep_default_na=False)
    customers["name"] = [HOSTILE[number % len(HOSTILE)] for number in range(len(customers))]
    customers["industry"] = [HOSTILE[number % 3] for number in range(len(customers))]
    customers.to_csv(data / "customers.csv", index=False)
    return run(repository(root, place / "home"), name="hostile", data=str(data))


def test_hostile_text_shows_as_text(hostile: Path) -> None:
    pages = {path: path.read_text(encoding="utf-8") for path in sorted((hostile / "site").rglob("*.html"))}
    chapters = yaml.safe_load((hostile.parents[1] / "report.yml").read_text(encoding="utf-8"))["chapters"]
    assert len(pages) == 1 + len(chapters)
    for path, text in pages.items():
        lowered = text.lower()
        assert "<script" not in lowered, path.name
        assert 'onmouseover="' not in lowered, path.name
        assert 'href="javascript:' not in lowered, path.name
    revenue = pages[hostile / "site" / "notebooks" / "revenue.html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in revenue
    assert "{{&lt; include secret.txt &gt;}}" in revenue


def test_formulas_are_defused_in_every_file_to_take_away(hostile: Path) -> None:
    movers = (hostile / "tables" / "revenue" / "movers.csv").read_text(encoding="utf-8")
    assert "'=HYPERLINK" in movers
    for path in sorted(hostile.rglob("*.csv")):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        for column in table:
            assert not table[column].str.match(r"^[=@\t]|^[+-](?![\d.])").any(), f"{path.name}: {column}"


def test_a_small_company_gets_a_useful_front_page(hostile: Path) -> None:
    text = (hostile / "site" / "index.html").read_text(encoding="utf-8")
    assert "of 300" in text or "accounts" in text
    assert "£" in text
    assert "What we don’t know yet" in text
    assert "nan" not in text.lower().split()


def test_crm_figures_known_from_independent_sql(root: Path, shared: Path, tmp_path: Path) -> None:
    home = repository(root, tmp_path / "home", chapters=("revenue",))
    given = {"data": str(shared / "crm"), "mapping": str(root / "data/mappings/crm.yml"), "as_of": "2024-01-01"}
    whole = run(home, name="crm", **given)
    retention = pd.read_csv(whole / "tables/revenue/retention.csv").set_index("metric")
    assert retention.loc["net", "estimate"] == pytest.approx(0.8392079, abs=5e-8)
    assert retention.loc["gross", "estimate"] == pytest.approx(0.7859491, abs=5e-8)
    assert (retention.loc["logo", "events"], retention.loc["logo", "n"]) == (136, 664)
    monthly = pd.read_csv(whole / "tables/revenue/monthly-retention.csv").set_index(["month", "metric"])
    january = monthly.loc["2023-01-01"]
    assert january.loc["net", "estimate"] == pytest.approx(0.9937630, abs=5e-8)
    assert january.loc["gross", "estimate"] == pytest.approx(0.9856597, abs=5e-8)
    assert (january.loc["logo", "events"], january.loc["logo", "n"]) == (11, 664)
    december = monthly.loc["2023-12-01"]
    assert december.loc["logo", "events"] == 18, "22 accounts whose rows end on the as-of day renew that day"
    closes = run(home, name="crm", **given, given={"period_from": "2023-01-01", "period_to": "2023-02-01"})
    retention = pd.read_csv(closes / "tables/revenue/retention.csv").set_index("metric")
    assert retention.loc["net", "estimate"] == pytest.approx(0.9944602, abs=5e-8)
    assert (retention.loc["logo", "events"], retention.loc["logo", "n"]) == (11, 666)


def test_telco_says_first_that_its_curve_may_not_be_retention(root: Path, shared: Path, tmp_path: Path) -> None:
    home = repository(root, tmp_path / "home", chapters=("cohort_survival",))
    folder = run(home, name="telco", data=str(shared / "telco"), mapping=str(root / "data/mappings/telco.yml"))
    page = (folder / "site/notebooks/cohort_survival.html").read_text(encoding="utf-8")
    main = page[page.index("<main") :]
    assert main.index("may not be retention") < main.index("84%")
    front = (folder / "site/index.html").read_text(encoding="utf-8")
    assert 'class="certainty"' not in front, "no card, so no decision"
    assert "No decision is made" in front
    found = [pd.read_csv(path) for path in sorted((folder / "tables/cohort_survival").glob("*.csv"))]
    at_twelve = pd.concat(table[table["age"] == 12] for table in found if "age" in table)
    row = at_twelve.iloc[0]
    assert (round(row["estimate"], 4), round(row["low"], 4), round(row["high"], 4)) == (0.8432, 0.8342, 0.8518)
