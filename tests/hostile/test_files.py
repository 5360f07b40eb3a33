"""Marker tables and reports that were made to do harm, or were harmed."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import resource
import subprocess
import sys

import pytest

import gca_scanpy as gca
from gca_scanpy.errors import GcaError

MEMORY = 3_000_000_000  # bytes of address space that a child may take
BIG = int(os.environ.get("GCA_HOSTILE_ROWS", "300000"))  # rows; 10,000,000 are tried by hand, see docs/reliability.md
READERS = {"markers": gca.io.read_markers, "report": gca.io.read_report, "database": gca.db.load}
BYTES = {
    "empty": b"",
    "binary": bytes(range(256)) * 50,
    "utf-16": "cluster,gene\n0,MS4A1\n".encode("utf-16"),
    "nul": b"cluster,gene\n0,MS\x004A1\n",
    "half a gzip": gzip.compress(b"cluster,gene\n0,MS4A1\n" * 1000)[:40],
    "one endless line": b"x" * 500_000,
    "only a header": b"cluster,gene\n",
    "ragged": b"cluster,gene\n0,MS4A1\n1\n2,CD3D,more,and,more\n",
    "deep json": b"[" * 100_000,
    "quotes": b'cluster,gene\n"0,MS4A1\n1,CD3D\n',
    "surrogates": b'{"schema_version": "1.1", "clusters": "\\ud800"}',
    "huge number": b'{"schema_version": 1e999, "clusters": []}',
    "twice": b'{"schema_version": "1.1", "schema_version": "1.0"}',
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("ending", [".csv", ".tsv.gz", ".json", ".gmt", ".xlsx", ".parquet", ".pkl"])
@pytest.mark.parametrize("content", BYTES)
def test_files_of_bytes(tmp_path, reader, ending, content):
    """Any bytes under any ending give a value or one of our own errors, that names the file or says what is wrong."""
    path = tmp_path / f"f{ending}"
    path.write_bytes(BYTES[content])
    said = "a value"
    with contextlib.suppress(GcaError):
        try:
            READERS[reader](path)
        except GcaError as error:
            said = str(error)
            raise
    assert 0 < len(said) < 5000


@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file(tmp_path, reader):
    """A folder, or nothing at all, is an error of ours or the system's own, which names it."""
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises((GcaError, OSError), match=path.name):
            READERS[reader](path)


def test_a_table_that_a_spreadsheet_saved(tmp_path):
    """A byte order mark, semicolons and CRLF are what spreadsheets write; formulas are text."""
    path = tmp_path / "m.csv"
    path.write_bytes("\ufeffcluster;gene\r\n=1+1;MS4A1\r\n=1+1;=cmd|'/c calc'!A1\r\n@x;CD3D\r\n".encode())
    assert gca.io.read_markers(path) == {"=1+1": ["MS4A1", "=cmd|'/c calc'!A1"], "@x": ["CD3D"]}


def test_a_report_of_a_newer_version(tmp_path):
    """A newer minor version is read as far as it is known; a newer major version is refused with both numbers."""
    report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B"]})
    gca.io.to_json(report, tmp_path / "r.json")
    content = json.loads((tmp_path / "r.json").read_text())
    (tmp_path / "minor.json").write_text(json.dumps({**content, "schema_version": "1.999", "news": [1]}))
    assert gca.io.read_report(tmp_path / "minor.json").clusters == report.clusters
    (tmp_path / "major.json").write_text(json.dumps({**content, "schema_version": "2.0"}))
    with pytest.raises(GcaError, match=r"2\.0"):
        gca.io.read_report(tmp_path / "major.json")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
def test_a_number_that_json_cannot_hold(tmp_path, number):
    """Found by fuzzing: such a report was read, and then could not be written."""
    gca.io.to_json(gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B"]}), tmp_path / "r.json")
    text = (tmp_path / "r.json").read_text()
    score = json.loads(text)["clusters"][0]["confidence_score"]
    (tmp_path / "r.json").write_text(text.replace(f'"confidence_score": {score}', f'"confidence_score": {number}'))
    with pytest.raises(GcaError, match="not a number that JSON can hold"):
        gca.io.read_report(tmp_path / "r.json")


def _limited():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def child(code, *arguments):
    """Run code in a child with bounded memory."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        preexec_fn=_limited,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )


READ = """
import sys, gca_scanpy as gca
try:
    found = gca.io.read_markers(sys.argv[1])
    print(len(found), sum(map(len, found.values())))
except gca.GcaError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
def test_a_very_long_table(tmp_path):
    """A table of many rows is read, or refused in a sentence, within bounded memory."""
    path = tmp_path / "m.csv"
    with path.open("w") as file:
        file.write("cluster,gene,p_val\n")
        file.writelines(f"{row % 50},G{row % 30000},0.001\n" for row in range(BIG))
    done = child(READ, path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(("50 ", "InputError"))


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
def test_a_gzip_bomb(tmp_path):
    """A few megabytes that unpack to many gigabytes are refused, not unpacked."""
    path = tmp_path / "m.csv.gz"
    part = gzip.compress(b"0,MS4A1\n" * 1_250_000)
    path.write_bytes(gzip.compress(b"cluster,gene\n") + part * 400)
    done = child(READ, path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("InputError")
    assert "unpack" in done.stdout
