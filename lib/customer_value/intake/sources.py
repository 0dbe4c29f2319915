"""Sources: a folder of files, one file, or a DuckDB file, as relations in DuckDB.

Text files are read as text only. Types are given by the contract later, never guessed from the first rows: a bad value
far down a file would otherwise be found only when it is used, or never.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import gzip
import re
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import duckdb

from customer_value.errors import DataError

CSV = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
JSON = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz")
PARQUET = (".parquet", ".pq")
DUCKDB = (".duckdb", ".db", ".ddb")
_CHUNK = 1 << 22


def quote(name: str) -> str:
    """A name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def nearest(name: str, names: Iterable[str]) -> str:
    """The name most like this one among `names`, or an empty text if none is close."""
    lowered = {other.lower(): other for other in names}
    close = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.5)
    return lowered[close[0]] if close else ""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A remedy: the nearest right name, then all of them."""
    names = sorted(names)
    close = nearest(name, names)
    shown = ", ".join(names[:30]) + (" …" if len(names) > 30 else "")
    return (f"did you mean {close!r}? " if close else "") + f"there are: {shown or 'none'}"


@dataclass(frozen=True)
class Relation:
    """One table of the source, loaded.

    Attributes
    ----------
    name : file stem or table name, by which mappings and SQL call it
    columns : its columns in order
    first_row : number of its first row for a person who opens the file (2 below a header line, else 1)
    rows : how many rows it has
    """

    name: str
    columns: tuple[str, ...]
    first_row: int
    rows: int


def _stem(path: Path, suffixes: tuple[str, ...]) -> str | None:
    for suffix in sorted(suffixes, key=len, reverse=True):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return None


class Sources:
    """The tables that an analyst brings, loaded on demand into a DuckDB of their own.

    Use as a context manager; temporary copies (downloads, files in other encodings) are removed at its end.

    Parameters
    ----------
    data : folder, single file, DuckDB file, or http(s) address of a single file

    Raises
    ------
    DataError : nothing is there, or two files share a name
    """

    def __init__(self, data: str | Path) -> None:
        self._temporary = Path(tempfile.mkdtemp(prefix="customer-value-"))
        self.connection = duckdb.connect(config={"threads": 2})
        self._relations: dict[str, Relation] = {}
        try:
            text = str(data)
            self.path = self._download(text) if text.startswith(("http://", "https://")) else Path(data).expanduser()
            self._files = self._find()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Sources:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and remove temporary copies."""
        self.connection.close()
        shutil.rmtree(self._temporary, ignore_errors=True)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all tables there, in order."""
        return tuple(sorted(self._files))

    def find(self, name: str) -> str | None:
        """The table's name for a file name or stem as written in a mapping; None if it is not there."""
        if name in self._files:
            return name
        stem = _stem(Path(name), CSV + JSON + PARQUET)
        return stem if stem in self._files else None

    def relation(self, name: str, *, wanted_by: str = "") -> Relation:
        """Load a table, once.

        Raises
        ------
        DataError : no such table, or it cannot be read
        """
        found = self.find(name)
        if found is None:
            raise DataError(
                f"The data have no file or table {name!r}"
                + (f", which {wanted_by} is to be read from" if wanted_by else ""),
                examples=(),
                remedy=did_you_mean(name, self.names),
            )
        if found not in self._relations:
            self._relations[found] = self._load(found, self._files[found])
        return self._relations[found]

    def lock(self) -> None:
        """Bar the connection from files, networks and settings for good; call before running anyone's SQL."""
        self.connection.execute("SET enable_external_access = false")
        self.connection.execute("SET lock_configuration = true")

    def _download(self, address: str) -> Path:
        name = Path(urllib.parse.unquote(urllib.parse.urlparse(address).path)).name or "data.csv"
        target = self._temporary / name
        try:
            with urllib.request.urlopen(address, timeout=60) as answer, target.open("wb") as file:
                shutil.copyfileobj(answer, file)
        except (urllib.error.URLError, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise DataError(
                f"The data could not be downloaded: {reason}",
                examples=(_without_secrets(address),),
                remedy="check the address, or download the file and give its path",
            ) from None
        return target

    def _find(self) -> dict[str, Path | str]:
        if not self.path.exists():
            raise DataError(
                "The data are not there", examples=(self.path,), remedy="give a folder, a file or an http(s) address"
            )
        known = CSV + JSON + PARQUET
        if self.path.is_dir():
            databases = [p for p in sorted(self.path.iterdir()) if p.is_file() and p.name.lower().endswith(DUCKDB)]
            files: dict[str, Path | str] = {}
            for path in sorted(self.path.iterdir()):
                stem = _stem(path, known)
                if stem is None or path.name.startswith(".") or not path.is_file():
                    continue
                if path.suffix.lower() == ".txt" and not _looks_tabular(path):
                    continue
                if stem in files:
                    raise DataError(
                        "Two files have the same name apart from their ending",
                        examples=(Path(files[stem]).name, path.name),
                        remedy="keep one of them in the folder",
                    )
                files[stem] = path
            if not files and len(databases) == 1:
                return self._attach(databases[0])
            if not files:
                raise DataError(
                    "The folder holds no table",
                    examples=(self.path,),
                    remedy="tables end in .csv, .tsv, .jsonl, .ndjson (also .gz) or .parquet, or there is one .duckdb",
                )
            return files
        stem = _stem(self.path, known)
        if stem is not None:
            return {stem: self.path}
        if self.path.name.lower().endswith(DUCKDB):
            return self._attach(self.path)
        raise DataError(
            "The file is of no kind that can be read",
            examples=(self.path.name,),
            remedy=f"it must end in {', '.join(CSV + JSON + PARQUET + DUCKDB)}",
        )

    def _attach(self, path: Path) -> dict[str, Path | str]:
        try:
            self.connection.execute(f"ATTACH {literal(str(path))} AS given (READ_ONLY)")
        except duckdb.Error as error:
            raise DataError(
                f"The DuckDB file cannot be opened: {cause(error)}",
                examples=(path.name,),
                remedy="close other programs that have it open for writing, or export its tables as Parquet",
            ) from None
        names = self.connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'given' AND table_schema = 'main'"
            " ORDER BY 1"
        ).fetchall()
        if not names:
            raise DataError(
                "The DuckDB file holds no table", examples=(path.name,), remedy="tables must be in schema main"
            )
        return {name: f"given.main.{quote(name)}" for (name,) in names}

    def _load(self, name: str, place: Path | str) -> Relation:
        """Copy a table into the connection; DuckDB's ``rowid`` then counts its rows from 0 in the file's order."""
        first_row = 1
        try:
            if isinstance(place, str):
                query = f"SELECT * FROM {place}"
            elif place.name.lower().endswith(PARQUET):
                query = f"SELECT * FROM read_parquet({literal(str(place))})"
            elif place.name.lower().endswith(JSON):
                query = self._json(name, place)
            else:
                first_row = 2
                query = self._csv(place)
            self.connection.execute(f"CREATE TABLE main.{quote(name)} AS {query}")
        except duckdb.Error as error:
            raise _unreadable(name, place, error) from None
        described = self.connection.execute(f"DESCRIBE main.{quote(name)}").fetchall()
        columns = tuple(row[0] for row in described)
        rows = self.connection.execute(f"SELECT count(*) FROM main.{quote(name)}").fetchone()[0]
        return Relation(name=name, columns=columns, first_row=first_row, rows=rows)

    def _csv(self, path: Path) -> str:
        path, sample = self._as_utf8(path)
        delimiter = _delimiter(sample, path)
        # Lines keep their ends, because a header cell may itself hold a line break inside quotes.
        header = next(csv.reader(sample.splitlines(keepends=True), delimiter=delimiter), [])
        if not any(cell.strip() for cell in header):
            raise DataError("The file is empty", table=path.name, remedy="the first line must name the columns")
        names = [cell.strip() or f"column_{place}" for place, cell in enumerate(header, start=1)]
        folded = [name.lower() for name in names]
        doubled = sorted({name for name in names if folded.count(name.lower()) > 1})
        if doubled:
            raise DataError(
                "Two columns have the same name", table=path.name, examples=doubled, remedy="rename one in the file"
            )
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
        return (
            f"SELECT * FROM read_csv({literal(str(path))}, auto_detect = false, header = true,"
            f" delim = {literal(delimiter)}, quote = '\"', escape = '\"', columns = {{{columns}}},"
            " max_line_size = 16777216)"
        )

    def _json(self, name: str, path: Path) -> str:
        read = f"read_json_objects({literal(str(path))}, format = 'auto', maximum_object_size = 16777216)"
        keys = self.connection.execute(
            f"SELECT key FROM (SELECT DISTINCT unnest(json_keys(json)) AS key FROM {read}) ORDER BY key"
        ).fetchall()
        if not keys:
            raise DataError("The file is empty", table=path.name, remedy="one JSON object a line, its keys the columns")
        cells = ", ".join(f"json ->> {literal(_pointer(key))} AS {quote(key)}" for (key,) in keys)
        return f"SELECT {cells} FROM {read}"

    def _as_utf8(self, path: Path) -> tuple[Path, str]:
        """The file, or a copy of it in UTF-8, and the text of its beginning.

        DuckDB reads other encodings only with an extension that would have to be downloaded.
        """
        opener = gzip.open if path.name.lower().endswith(".gz") else open
        try:
            with opener(path, "rb") as file:
                head = file.read(_CHUNK)
                if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    return self._recode(path, opener, "utf-16")
                decoder = codecs.getincrementaldecoder("utf-8-sig")()
                sample = decoder.decode(head)
                while chunk := file.read(_CHUNK):
                    decoder.decode(chunk)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            try:
                return self._recode(path, opener, "cp1252")
            except UnicodeDecodeError:
                return self._recode(path, opener, "latin-1")
        except (OSError, EOFError) as error:
            raise DataError(f"The file cannot be read: {error}", table=path.name, remedy="check the file") from None
        return path, sample

    def _recode(self, path: Path, opener, encoding: str) -> tuple[Path, str]:
        stem = _stem(path, CSV) or path.stem
        target = self._temporary / f"{stem}.csv"
        sample = ""
        with opener(path, "rb") as file, target.open("wb") as copy:
            reader = codecs.getreader(encoding)(file)
            while text := reader.read(_CHUNK):
                sample = sample or text
                copy.write(text.encode("utf-8"))
        return target, sample


def cause(error: duckdb.Error) -> str:
    """The first line of DuckDB's message in plain words: no kind of error, statement, hints or folders."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "unknown cause")
    first = re.sub(r"^([A-Z][A-Za-z]* )+(Error|Exception): ", "", first)
    return re.sub(r"[\"'](?:[^\"']*[/\\\\])([^\"'/\\\\]+)[\"']", r"'\1'", first).rstrip(" .!")


def _unreadable(name: str, place: Path | str, error: duckdb.Error) -> DataError:
    """A file that DuckDB cannot read, with a remedy for its kind."""
    if isinstance(place, str):
        return DataError(
            f"The table cannot be read: {cause(error)}", table=name, remedy="check the DuckDB file, or export it anew"
        )
    lowered = place.name.lower()
    if lowered.endswith(PARQUET):
        rule = "This is no Parquet file, or it is cut short"
        remedy = "export it anew; a text file must end in .csv"
    elif lowered.endswith(JSON):
        rule = f"The file is not JSON lines: {cause(error)}"
        remedy = "each line must be one JSON object, with its keys in double quotes"
    elif _is_binary(place):
        rule = "This is no text file, whatever its name says"
        remedy = "save it from the spreadsheet or program as CSV; a Parquet file must end in .parquet"
    else:
        line = re.search(r"[Ll]ine:? (\d+)", str(error))
        rule = f"The rows do not fit the header{f': line {line[1]}' if line else ''}"
        remedy = "open it in an editor at that line; every row needs as many cells as the header, and quotes must close"
    return DataError(rule, table=place.name, remedy=remedy)


def _is_binary(path: Path) -> bool:
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    with opener(path, "rb") as file:
        head = file.read(65536)
    return b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _without_secrets(address: str) -> str:
    parts = urllib.parse.urlsplit(address)
    return urllib.parse.urlunsplit((parts.scheme, parts.hostname or "", parts.path, "", ""))


def _looks_tabular(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(65536).decode("utf-8", errors="replace")
    return any(mark in first for mark in ",;\t")


def _delimiter(sample: str, path: Path) -> str:
    """Comma, semicolon, tab or bar: the one that cuts the first lines into the same number (above one) of cells."""
    if path.name.lower().endswith((".tsv", ".tsv.gz")):
        return "\t"
    best, most = ",", 1
    lines = sample.splitlines(keepends=True)[:200]
    if len(sample) == _CHUNK:
        lines = lines[:-1]
    for mark in (",", ";", "\t", "|"):
        rows = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
        if rows and rows[0] > most and sum(count == rows[0] for count in rows) >= 0.9 * len(rows):
            best, most = mark, rows[0]
    return best
