"""What of an executed notebook reaches its page: front matter, prose and Markdown outputs; never code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
import yaml

from customer_value.errors import PublishError

HIDDEN = "remove-cell"
"""Tag of a cell that no reader sees."""


@dataclass(frozen=True)
class Piece:
    """A Markdown cell or one Markdown output.

    Attributes
    ----------
    text : Markdown
    computed : whether a code cell printed it
    tags : the tags of its cell
    """

    text: str
    computed: bool
    tags: frozenset[str]


@dataclass(frozen=True)
class Page:
    """A notebook as Markdown.

    Attributes
    ----------
    front_matter : the settings of the first raw cell, as YAML text
    pieces : what follows, in order
    """

    front_matter: str
    pieces: tuple[Piece, ...]

    @property
    def settings(self) -> Mapping[str, object]:
        """The front matter, read."""
        return yaml.safe_load(self.front_matter) or {}

    @property
    def markdown(self) -> str:
        """The whole page, as pandoc reads it."""
        return join([f"---\n{self.front_matter}\n---", *(piece.text for piece in self.pieces)])


def read_page(path: Path) -> Page:
    """Read an executed notebook.

    Raises
    ------
    PublishError : the file is no notebook, or its front matter is not YAML settings
    """
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError) as error:
        raise PublishError(f"{path.name} cannot be read as a notebook: {error}") from error
    front_matter, pieces = "", []
    for cell in notebook.cells:
        tags = frozenset(cell.metadata.get("tags", ()))
        if HIDDEN in tags:
            continue
        if cell.cell_type == "raw" and not front_matter:
            front_matter = _front_matter(cell.source, path.name)
        elif cell.cell_type == "markdown":
            pieces.append(Piece(cell.source, computed=False, tags=tags))
        elif cell.cell_type == "code":
            pieces += [Piece(text, computed=True, tags=tags) for text in _markdown_outputs(cell)]
    return Page(front_matter, tuple(piece for piece in pieces if piece.text.strip()))


def join(texts: list[str]) -> str:
    """Texts as one Markdown document, each a block of its own."""
    return "\n\n".join(text.strip("\n") for text in texts) + "\n"


def _front_matter(source: str, name: str) -> str:
    match = re.fullmatch(r"---[ \t]*\n(.*?)\n(?:---|\.\.\.)\s*", source.strip() + "\n", flags=re.DOTALL)
    text = match.group(1) if match else None
    try:
        settings = yaml.safe_load(text) if text else None
    except yaml.YAMLError as error:
        raise PublishError(f"The front matter of {name} is not YAML: {error}") from error
    if not isinstance(settings, dict):
        raise PublishError(
            f"The first raw cell of {name} must hold front matter: settings such as `title: …` between two lines "
            f"`---`, got: {source[:80]!r}"
        )
    return text


def _markdown_outputs(cell: nbformat.NotebookNode) -> list[str]:
    shown = [output for output in cell.outputs if output.output_type in ("display_data", "execute_result")]
    texts = [output.data["text/markdown"] for output in shown if "text/markdown" in output.data]
    return ["".join(text) for text in texts]
