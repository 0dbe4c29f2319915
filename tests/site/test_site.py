"""A published site as a browser sees it: links, requests, alt text, phone width, accessibility.

The site is, in this order: the folder that CUSTOMER_VALUE_SITE names, the published sample, a small handmade report.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from customer_value.report import publish
from customer_value.report.publish import links

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt install chromium)")

WIDTHS = (360, 768, 1440)


@pytest.fixture(scope="session")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site to look at."""
    named = os.environ.get("CUSTOMER_VALUE_SITE")
    if named:
        assert (Path(named) / "index.html").is_file(), f"CUSTOMER_VALUE_SITE holds no index.html: {named}"
        return Path(named).resolve()
    sample = root / "reports" / "sample" / "site"
    if (sample / "index.html").is_file():
        return sample
    import handmade_project

    project = handmade_project.make(tmp_path_factory.mktemp("site") / "handmade")
    return publish.publish(project, log=project.parent / "log", engine="embedded").site


@pytest.fixture(scope="session")
def pages(site: Path) -> list[Path]:
    """Every page of the site."""
    found = sorted(site.rglob("*.html"))
    assert len(found) > 1
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[playwright.Browser]:
    """One browser for all tests."""
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield opened
        opened.close()


def test_every_link_image_and_style_is_there(site: Path) -> None:
    assert links.broken(site) == []


def test_pages_ask_no_other_host_and_report_no_error(browser: playwright.Browser, pages: list[Path]) -> None:
    page = browser.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: errors.append(f"failed: {request.url}"))
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    for path in pages:
        page.goto(path.as_uri())
    page.close()
    assert len(asked) > len(pages)
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert errors == []


def test_every_image_is_drawn_and_has_alternative_text(browser: playwright.Browser, pages: list[Path]) -> None:
    page = browser.new_page()
    for path in pages:
        page.goto(path.as_uri())
        images = page.eval_on_selector_all(
            "img", "all => all.map(i => [i.getAttribute('src'), i.getAttribute('alt'), i.naturalWidth])"
        )
        assert [image for image in images if image[1] is None or not image[2]] == [], path.name
        figures = page.eval_on_selector_all("figure img", "all => all.map(i => i.alt.trim().length)")
        assert all(length > 10 for length in figures), path.name
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_scrolls_sideways(browser: playwright.Browser, pages: list[Path], width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    wide = []
    for path in pages:
        page.goto(path.as_uri())
        page.eval_on_selector_all("details", "all => all.forEach(d => d.open = true)")
        across = page.evaluate("document.documentElement.scrollWidth")
        if across > width:
            wide.append((path.name, across))
    page.close()
    assert wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_axe_finds_no_violation(browser: playwright.Browser, pages: list[Path], scheme: str, width: int) -> None:
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    found = []
    for path in pages:
        page.goto(path.as_uri())
        page.eval_on_selector_all("details", "all => all.forEach(d => d.open = true)")
        violations = axe.Axe().run(page).response["violations"]
        found += [
            f"{path.name}: {violation['id']}: {violation['help']}: {node['html'][:120]}"
            for violation in violations
            for node in violation["nodes"]
        ]
    page.close()
    assert found == []


def test_text_keeps_to_a_readable_width(browser: playwright.Browser, pages: list[Path]) -> None:
    """A line of prose holds 65 to 75 characters in a font of middling width, whatever the window."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    for path in pages:
        page.goto(path.as_uri())
        widths = page.eval_on_selector_all(
            "main > p:not(:has(.download)), main > ul",
            """all => all.map(p => {
                const pen = document.createElement('canvas').getContext('2d'), style = getComputedStyle(p)
                const prose = 'Of every hundred accounts that paid when the period began, most are still here. '
                pen.font = `${style.fontSize} ${style.fontFamily}`
                return p.clientWidth / (pen.measureText(prose).width / prose.length)
            })""",
        )
        assert all(width < 76 for width in widths), (path.name, widths)
    page.close()
