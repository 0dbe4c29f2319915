"""Find links, images and styles of a site that lead nowhere."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from customer_value.errors import PublishError


@dataclass
class _References(HTMLParser):
    targets: list[str] = field(default_factory=list)
    anchors: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name == "id" and value:
                self.anchors[value] += 1
            elif name in ("href", "src", "srcset") and value is not None:
                self.targets.append(value)


def check(site: Path) -> None:
    """Refuse a site with a link that leads nowhere.

    Raises
    ------
    PublishError : names the first twenty
    """
    dead = broken(site)
    if dead:
        more = f"\n  and {len(dead) - 20} more" if len(dead) > 20 else ""
        raise PublishError(
            "Links of the report lead nowhere:\n"
            + "\n".join(f"  {line}" for line in dead[:20])
            + f"{more}\nMend them in the notebook of that page: the link, or the label that it should lead to."
        )


def broken(site: Path) -> list[str]:
    """What is wrong with the links of a site, one sentence each; pages and links in order.

    A target on another host is not followed; every other must be a file of the site, and its fragment an anchor there.
    An anchor may occur only once on a page.
    """
    pages = {}
    for path in sorted(site.rglob("*.html")):
        references = _References()
        references.feed(path.read_text(encoding="utf-8"))
        pages[path.resolve()] = references
    found = []
    for path, references in pages.items():
        page = path.relative_to(site.resolve()).as_posix()
        found += [f"{page}: anchor #{name} occurs {n} times" for name, n in references.anchors.items() if n > 1]
        for target in references.targets:
            problem = _problem(path, target, pages, site.resolve())
            if problem:
                found.append(f"{page}: {target} {problem}")
    return found


def _problem(page: Path, target: str, pages: dict[Path, _References], site: Path) -> str | None:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return None
    place = Path(os.path.normpath(page.parent / unquote(parts.path))) if parts.path else page
    if not place.is_relative_to(site):
        return "leads out of the site"
    if not place.is_file():
        return "is not there"
    if parts.fragment and place in pages and unquote(parts.fragment) not in pages[place].anchors:
        return f"has no place #{parts.fragment}"
    return None
