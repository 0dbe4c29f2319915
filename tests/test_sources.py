"""Every kind of source gives the same text, and what cannot be read is named."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
from functools import partial
from pathlib import Path

import duckdb
import pytest

from customer_value.errors import DataError
from customer_value.intake.sources import Sources, did_you_mean, nearest

HEADER = "id,name,price"
ROWS = [("a", "Zoë", "1.50"), ("b", "Müller, Söhne", "2"), ("007", "", "3")]


def as_csv(delimiter: str = ",", end: str = "\n") -> str:
    lines = [HEADER.replace(",", delimiter)]
    for row in ROWS:
        lines.append(delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row))
    return end.join(lines) + end


def rows_of(path: Path | str, name: str = "t") -> list[tuple]:
    with Sources(path) as sources:
        relation = sources.relation(name)
        assert relation.columns == ("id", "name", "price")
        return sources.connection.execute(f'SELECT * FROM "{name}" ORDER BY rowid').fetchall()


EXPECTED = [tuple(cell or None for cell in row) for row in ROWS]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_and_line_ends(tmp_path, delimiter, end):
    (tmp_path / "t.csv").write_bytes(as_csv(delimiter, end).encode())
    assert rows_of(tmp_path) == EXPECTED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("zipped", [False, True])
def test_encodings(tmp_path, encoding, zipped):
    content = as_csv().encode(encoding)
    path = tmp_path / ("t.csv.gz" if zipped else "t.csv")
    path.write_bytes(gzip.compress(content) if zipped else content)
    assert rows_of(path) == EXPECTED


def test_json_lines_parquet_and_duckdb_give_the_same(tmp_path):
    lines = [json.dumps(dict(zip(HEADER.split(","), row, strict=True))) for row in ROWS]
    (tmp_path / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with Sources(tmp_path / "t.jsonl") as sources:
        sources.relation("t")
        assert sources.connection.execute("SELECT id, nullif(name, ''), price FROM t").fetchall() == EXPECTED
    connection = duckdb.connect(str(tmp_path / "d.duckdb"))
    connection.execute("CREATE TABLE t (id VARCHAR, name VARCHAR, price VARCHAR)")
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", EXPECTED)
    connection.execute(f"COPY t TO '{tmp_path / 'p.parquet'}'")
    connection.close()
    assert rows_of(tmp_path / "d.duckdb") == EXPECTED
    assert rows_of(tmp_path / "p.parquet", "p") == EXPECTED


def test_json_keys_may_differ_between_lines_and_hold_odd_signs(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"a/b": 1}\n{"a/b": 2, "c~d": "x"}\n', encoding="utf-8")
    with Sources(tmp_path) as sources:
        assert sources.relation("t").columns == ("a/b", "c~d")
        assert sources.connection.execute("SELECT * FROM t").fetchall() == [("1", None), ("2", "x")]


def test_nothing_is_guessed(tmp_path):
    (tmp_path / "t.csv").write_text("id,name,price\n007,01/02/2023,1e3\n", encoding="utf-8")
    assert rows_of(tmp_path) == [("007", "01/02/2023", "1e3")]


def test_a_web_address_is_downloaded(tmp_path):
    (tmp_path / "t.csv").write_text(as_csv(), encoding="utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        assert rows_of(f"{address}/t.csv") == EXPECTED
        with pytest.raises(DataError, match="could not be downloaded"):
            Sources(f"{address}/missing.csv")
    finally:
        server.shutdown()
        server.server_close()


def test_a_download_that_fails_shows_no_password():
    with pytest.raises(DataError) as caught:
        Sources("http://user:secret@127.0.0.1:9/t.csv?token=hidden")
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_ragged_rows_are_named_with_their_line(tmp_path):
    (tmp_path / "t.csv").write_text("id,name,price\na,b,1\na,b,1,9\n", encoding="utf-8")
    with Sources(tmp_path) as sources, pytest.raises(DataError, match="line 3"):
        sources.relation("t")


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ({}, "holds no table"),
        ({"t.csv": "", "x.csv": "a\n1\n"}, "The file is empty"),
        ({"t.csv": "id,ID\n1,2\n"}, "same name"),
        ({"t.csv": "a\n1\n", "t.parquet": "x"}, "same name apart from their ending"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path, files, match):
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=match), Sources(tmp_path) as sources:
        sources.relation("t")


def test_a_missing_table_names_the_nearest(tmp_path):
    (tmp_path / "accounts.csv").write_text("a\n1\n", encoding="utf-8")
    with Sources(tmp_path) as sources, pytest.raises(DataError, match="did you mean 'accounts'"):
        sources.relation("acounts.csv")
    with pytest.raises(DataError, match="not there"):
        Sources(tmp_path / "nowhere")


def test_a_locked_connection_reaches_no_file(tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n", encoding="utf-8")
    with Sources(tmp_path) as sources:
        sources.relation("t")
        sources.lock()
        for sql in (
            f"SELECT * FROM read_csv('{tmp_path / 't.csv'}')",
            f"SELECT * FROM '{tmp_path / 't.csv'}'",
            f"COPY t TO '{tmp_path / 'out.csv'}'",
            "SET enable_external_access = true",
            "INSTALL httpfs",
        ):
            with pytest.raises(duckdb.Error):
                sources.connection.execute(sql)
        assert not (tmp_path / "out.csv").exists()


def test_nearest_names():
    assert nearest("Start_Dat", ["start_date", "end_date"]) == "start_date"
    assert nearest("zzz", ["start_date"]) == ""
    assert did_you_mean("mr", ["mrr"]) == "did you mean 'mrr'? there are: mrr"


@pytest.mark.parametrize(
    ("name", "content", "rule", "remedy"),
    [
        ("t.csv", b"a,b\n\x00\x01,\x02\n\x00", "no text file", "save it"),
        ("t.csv", b"a,b\n1,2\n1,2,3\n", "do not fit the header", "as many cells"),
        ("t.parquet", b"a,b\n1,2\n", "no Parquet file", "a text file must end in .csv"),
        ("t.jsonl", b"{'a': 1}\n", "not JSON lines", "double quotes"),
    ],
)
def test_unreadable_files_get_the_remedy_of_their_kind(tmp_path, name, content, rule, remedy):
    (tmp_path / name).write_bytes(content)
    with Sources(tmp_path) as sources, pytest.raises(DataError, match=rule) as caught:
        sources.relation("t")
    assert remedy in caught.value.remedy
    for leaked in ("Possible fixes", "LINE 1", "SELECT", str(tmp_path)):
        assert leaked not in str(caught.value)
