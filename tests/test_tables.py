"""One reader of tables: marker tables of clusters and marker databases are read from the same kinds of files."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import zipfile

import pandas as pd
import pytest
from click.testing import CliRunner

import gca_scanpy as gca
from gca_scanpy import _tables
from gca_scanpy._cli.main import main
from gca_scanpy.errors import DatabaseError, InputError

MARKERS = {"0": ["MS4A1", "CD79A"], "01": ["CD3D"], "NA": ["LYZ"]}
CLUSTERS = pd.DataFrame([(key, gene) for key, genes in MARKERS.items() for gene in genes], columns=["cluster", "gene"])
FACTS = pd.DataFrame({"cell_type": ["B cell", "B cell", "T cell"], "gene": ["MS4A1", "CD79A", "CD3D"]})


def _xlsx(table):
    pytest.importorskip("openpyxl")
    data = io.BytesIO()
    table.to_excel(data, index=False)
    return data.getvalue()


def _parquet(table):
    pytest.importorskip("pyarrow")
    return table.to_parquet(None, index=False)


def _csv(table, mark=","):
    return table.to_csv(sep=mark, index=False).encode()


def _tsv(table):
    return _csv(table, "\t")


def _records(table):
    return json.dumps(table.to_dict("records"), indent=1).encode()


WRITERS = {
    "t.csv": _csv,
    "t.tsv": _tsv,
    "t.txt": _tsv,
    "t.CSV": _csv,
    "t.csv.gz": lambda table: gzip.compress(_csv(table)),
    "semicolons.csv": lambda table: _csv(table, ";"),
    "semicolons.tsv": lambda table: _csv(table, ";"),
    "bom.csv": lambda table: codecs.BOM_UTF8 + _csv(table),
    "bom.tsv": lambda table: codecs.BOM_UTF8 + _csv(table, ";").replace(b"\n", b"\r\n"),
    "blank_lines.csv": lambda table: b"\r\n\r\n" + _csv(table),
    "quoted.tsv": lambda table: _tsv(table).replace(b"gene\n", b'gene\t"a,b,c,d"\n', 1).replace(b"D\n", b"D\tx\n"),
    "t.json": _records,
    "t.json.gz": lambda table: gzip.compress(_records(table)),
    "bom.json": lambda table: codecs.BOM_UTF8 + _records(table),
    "facts.json": lambda table: json.dumps({"facts": table.to_dict("records")}).encode(),
    "t.xlsx": _xlsx,
    "t.parquet": _parquet,
    # Endings that do not say what the file is.
    "tabs.csv": _tsv,
    "commas.tsv": _csv,
    "commas.xlsx": _csv,
    "commas.parquet": _csv,
    "commas.json": _csv,
    "commas.gmt": _csv,
    "no_ending": _tsv,
    "xlsx.csv": _xlsx,
    "parquet.tsv": _parquet,
    "json.csv": _records,
    "packed.csv": lambda table: gzip.compress(_csv(table)),
    "packed.xlsx": lambda table: gzip.compress(_csv(table)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_kinds_of_files(tmp_path, name):
    """Both read each kind of file, whatever separates its columns and whatever its ending says."""
    (tmp_path / name).write_bytes(WRITERS[name](CLUSTERS))
    assert gca.io.read_markers(tmp_path / name) == MARKERS
    (tmp_path / name).write_bytes(WRITERS[name](FACTS))
    assert gca.db.load(tmp_path / name).sha256 == gca.db.load(FACTS).sha256


@pytest.mark.parametrize("name", ["sets.gmt", "sets.gmt.gz"])
def test_gene_sets(tmp_path, name):
    """Gene sets are clusters for one, and cell types for the other."""
    data = codecs.BOM_UTF8 + b"B cell\tna\tMS4A1\tCD79A,2.0\nT cell\tna\tCD3D\n"
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert gca.io.read_markers(tmp_path / name) == {"B cell": ["MS4A1", "CD79A"], "T cell": ["CD3D"]}
    assert sorted(gca.db.load(tmp_path / name).facts["gene"]) == ["CD3D", "CD79A", "MS4A1"]


@pytest.mark.parametrize("name", ["t.json", "t.xlsx", "t.parquet"])
def test_numbers_and_missing_values(tmp_path, name):
    """Numbers, which these files can hold, become text, and a missing value is empty, so that the row is left out."""
    table = pd.DataFrame({"cluster": [0, 0, 10], "gene": ["LYZ", None, "CD3D"], "scores": [1.5, 9, None]}, dtype=object)
    (tmp_path / name).write_bytes(WRITERS[name](table))
    assert gca.io.read_markers(tmp_path / name) == {"0": ["LYZ"], "10": ["CD3D"]}


def test_lists_in_json(tmp_path):
    """A list in a record is the list that a cell of a table can hold."""
    (tmp_path / "m.json").write_text(json.dumps([{"cluster": 1, "markers": ["MS4A1", "CD79A"]}]))
    assert gca.io.read_markers(tmp_path / "m.json") == {"1": ["MS4A1", "CD79A"]}
    (tmp_path / "d.json").write_text(
        json.dumps([{"cell_type": "B cell", "gene": "MS4A1", "tissue": ["blood", "spleen"]}])
    )
    assert gca.db.load(tmp_path / "d.json").facts["tissue"].tolist() == ["blood;spleen"]


READERS = [(gca.io.read_markers, InputError), (gca.db.load, DatabaseError)]


@pytest.mark.parametrize(("read", "error"), READERS)
@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("m.csv", b"", "No columns to parse"),
        (
            "m.csv",
            "cluster,gene\n0,µ\n".encode("latin-1"),
            "it is neither UTF-8 text nor xlsx nor parquet",
        ),
        ("m.csv.gz", b"cluster,gene\n0,CD3D\n", "its gzip data is damaged or incomplete .*; download it again"),
        ("m.tsv.gz", gzip.compress(b"cluster\tgene\n" * 99, mtime=0)[:-6], "its gzip data is damaged or incomplete"),
        ("m.xlsx", b"no workbook", r"its name ends in \.xlsx, but it holds neither that nor text with columns"),
        ("m.xlsx", b"PK\x03\x04 no workbook", "not a zip file"),
        ("m.parquet", b"PAR1 no parquet", "save it as csv"),
        ("m.parquet", b"PAR1" + bytes(50) + bytes([20, 0, 0, 0]) + b"PAR1", "save it as csv"),
        ("m.json", b"[1, 2]", "neither a list of records, such as"),
        ("m.json", b'{"cluster": "gene"}', "neither a list of records, such as"),
        ("m.json", b"[" * 100_000, "save it as csv"),
        ("m.gmt", b"one set", r"its name ends in \.gmt"),
    ],
)
def test_what_is_no_table(tmp_path, read, error, name, content, reason):
    """Each raises an error of its own class, of one line: which file, what is wrong with it, what can be done."""
    for extra, ending in (("openpyxl", ".xlsx"), ("pyarrow", ".parquet")):
        if name.endswith(ending):
            pytest.importorskip(extra)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=reason) as raised:
        read(tmp_path / name)
    message = str(raised.value)
    assert message.startswith(f"{tmp_path / name} cannot be read as a table: ")
    assert "\n" not in message
    assert "save it as" in message or "download it again" in message


@pytest.mark.parametrize(("read", "error"), READERS)
@pytest.mark.parametrize(("name", "extra"), [("t.xlsx", "excel"), ("t.parquet", "parquet")])
def test_a_package_that_is_not_installed(tmp_path, monkeypatch, read, error, name, extra):
    """Each raises an error of its own class with the command that installs the package."""
    (tmp_path / name).write_bytes(WRITERS[name](CLUSTERS))
    for package in ("openpyxl", "pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(error, match=rf"reading t\..* needs \w+: python -m pip install 'gca-scanpy\[{extra}\]'"):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.xlsx", "t.parquet"])
def test_a_table_beyond_the_bound(tmp_path, monkeypatch, name):
    """A file that is larger than the bound, or unpacks to more, is refused."""
    monkeypatch.setattr(_tables, "MAX_BYTES", 20_000)
    table = pd.DataFrame({"cluster": "0", "gene": [f"G{n}" for n in range(5000)]})
    (tmp_path / name).write_bytes(WRITERS[name](table))
    with pytest.raises(InputError, match="more than the 0 MB that are read; the leading genes"):
        gca.io.read_markers(tmp_path / name)


def test_a_workbook_that_unpacks_to_more(tmp_path, monkeypatch):
    """A workbook below the bound that unpacks to more is refused before it is unpacked."""
    pytest.importorskip("openpyxl")
    monkeypatch.setattr(_tables, "MAX_BYTES", 20_000)
    with zipfile.ZipFile(tmp_path / "m.xlsx", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/workbook.xml", b" " * 1_000_000)
    assert (tmp_path / "m.xlsx").stat().st_size < 20_000
    with pytest.raises(DatabaseError, match="unpacks to more"):
        gca.db.load(tmp_path / "m.xlsx")


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.json", "t.xlsx", "t.parquet"])
def test_the_command_line(tmp_path, name, lineages):
    """``gca annotate`` takes each kind for a table of marker genes."""
    table = pd.DataFrame({"cluster": "a", "gene": lineages["B cell"][:8]})
    (tmp_path / name).write_bytes(WRITERS[name](table))
    result = CliRunner().invoke(main, ["annotate", str(tmp_path / name), "--offline", "--quiet"])
    assert result.exit_code == 0, result.output
    assert "B cell" in result.output
