"""Where every byte of a report comes from: data, parameters, code and package versions, as fingerprints."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

import customer_value

PACKAGES = (
    "duckdb",
    "ibis-framework",
    "lifelines",
    "matplotlib",
    "numpy",
    "pandas",
    "papermill",
    "pypandoc_binary",
    "scipy",
    "statsmodels",
    "typst",
)
"""The packages whose versions can change a number or a byte."""


def digest(*parts: bytes | str) -> str:
    """SHA-256 over the parts, each with its length so that no two lists of parts collide."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8") if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)
    return total.hexdigest()


def of_file(path: Path) -> str:
    """Fingerprint of one file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def of_files(files: Iterable[Path], *, root: Path) -> str:
    """Fingerprint of files: their names below ``root`` and their contents, whatever order they come in."""
    parts: list[str] = []
    for path in sorted(files):
        parts += [path.relative_to(root).as_posix(), of_file(path)]
    return digest(*parts)


def of_code() -> str:
    """Fingerprint of this library: every file of the package, wherever it is installed."""
    package = Path(customer_value.__file__).parent
    kept = (path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return of_files(kept, root=package)


def of_values(values: object) -> str:
    """Fingerprint of plain values (anything that JSON holds)."""
    return digest(json.dumps(values, sort_keys=True, default=str, ensure_ascii=False))


def environment() -> dict[str, str]:
    """Versions of Python, this library and the packages in `PACKAGES`."""
    versions = {name: version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "customer_value": customer_value.__version__, **versions}


def page_foot(provenance: Mapping[str, object], parameters: Mapping[str, object]) -> str:
    """What every page says about itself, as Markdown: a line, and the details behind it.

    Parameters
    ----------
    provenance : as in ``manifest.json``
    parameters : the chapter's effective parameters
    """
    seen = f"as of the close of {provenance['as_of']}" if provenance["as_of"] else "no dates in the data"
    chosen = ", ".join(f"{name} = {value}" for name, value in sorted(parameters.items())) or "none"
    versions = ", ".join(f"{name} {number}" for name, number in sorted(provenance["environment"].items()))
    counts = ", ".join(f"{name} {count:,}" for name, count in sorted(provenance["tables"].items()))
    rows = {
        "Rows read": counts,
        "Parameters of this page": chosen,
        "Fingerprint of the data": provenance["data"],
        "Fingerprint of the code": provenance["code"],
        "Versions": versions,
    }
    details = "\n".join(f"| {name} | `{value}` |" for name, value in rows.items())
    return (
        "::: {.provenance}\n"
        f"{provenance['name']}: data `{str(provenance['data'])[:12]}`, {seen}. "
        f"Code {provenance['environment']['customer_value']}, `{str(provenance['code'])[:12]}`. "
        "The same inputs give the same bytes.\n\n"
        '::: {.callout-note collapse="true" title="Data, parameters and versions"}\n'
        f"| what | value |\n|:--|:--|\n{details}\n"
        ":::\n"
        ":::"
    )
