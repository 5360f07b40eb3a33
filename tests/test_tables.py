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
    "utf16.csv": lambda table: _csv(table).decode().encode("utf-16"),
    "utf16_be.txt": lambda table: codecs.BOM_UTF16_BE + _tsv(table).decode().encode("utf-16-be"),
    "no_bom.csv": lambda table: _csv(table).decode().encode("utf-16-le"),
    "utf32.csv": lambda table: _csv(table).decode().encode("utf-32"),
    "utf16.json": lambda table: _records(table).decode().encode("utf-16"),
    "stated.csv": lambda table: b"sep=;\r\n" + _csv(table, ";"),
    "bars.txt": lambda table: _csv(table, "|"),
    "trailing.csv": lambda table: _csv(table).replace(b"\n", b",\n").replace(b"gene,\n", b"gene\n", 1),
    "mac.csv": lambda table: _csv(table).replace(b"\n", b"\r"),
    "twice.csv": lambda table: _csv(table.assign(again=table["gene"])).replace(b"again", b"gene"),
    "row_names.tsv": lambda table: table.to_csv(sep="\t").encode().replace(b"\t", b"", 1),
    "commas_in_names.tsv": lambda table: _tsv(table.assign(x="1")).replace(b"x\n", b"a,b,c,d\n", 1),
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
    table = pd.DataFrame({"cluster": [0, 0, 10], "gene": ["LYZ", None, "CD3D"], "scores": [1.5, 9, 0.5]}, dtype=object)
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
        ("m.csv", b"", "it is empty"),
        (
            "m.csv",
            "cluster,gene\n0,µ\n".encode("latin-1"),
            r"its text is not UTF-8 \(byte 0xb5 in line 2\), but perhaps Latin-1",
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
        ("m.csv", b" \r\n\r\n", "it is empty"),
        ("m.csv", codecs.BOM_UTF8, "it is empty"),
        ("m.csv", "cluster,gene\n0,CD3D\n1,M\xfcller\n".encode("cp1252"), r"byte 0xfc in line 3.*UTF-8"),
        ("m.csv", b"cluster,gene\n0,MS\x004A1\n", "null characters"),
        (
            "m.csv",
            b"cell_type,gene,cluster,gene\nB cell,MS4A1,0,CD79A\n",
            "several columns 'gene' with different values",
        ),
        ("m.csv", b"cluster,gene\n0,CD3D\n1,CD3E,9\n", "rows differ in length"),
        ("m.csv", b'cluster,gene\n0,"CD3D\n1,CD3E\n', "a quote does not end"),
        ("m.csv", b"cluster,gene\n0,CD3D,1,2\n", "its rows have 4 fields, and its first line has 2"),
        ("m.csv", b"cluster,gene\n0,CD3D,1\n0,CD3E,2\n", "its rows have 3 fields"),  # row names would differ
        ("m.csv", b"\x89HDF\r\n\x1a\n", "it is an HDF5 file"),
        ("m.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"an old Excel workbook \(xls\)"),
        ("m.csv", b"BZh91AY&SY", "compressed with bzip2"),
        ("m.csv", b"%PDF-1.7", "a PDF file"),
        ("m.csv", b"\n<!DOCTYPE html><html>", "a web page"),
        ("m.csv", bytes(257) + b"ustar", "a tar archive"),
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
    assert any(
        advice in message for advice in ("save it as", "download it again", "again", "delete or rename", "quotes")
    )


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


def test_a_zip_archive(tmp_path):
    """A zip archive that is not a workbook is named."""
    pytest.importorskip("openpyxl")
    with zipfile.ZipFile(tmp_path / "m.csv", "w") as file:
        file.writestr("markers.csv", "cluster,gene\n0,CD3D\n")
    with pytest.raises(InputError, match="a zip archive and no xlsx workbook"):
        gca.io.read_markers(tmp_path / "m.csv")


def test_a_workbook_with_blank_rows_and_columns(tmp_path):
    """A table that does not begin in the first cell of the sheet is read; an empty sheet is named."""
    pytest.importorskip("openpyxl")
    CLUSTERS.to_excel(tmp_path / "m.xlsx", index=False, startrow=2, startcol=1)
    assert gca.io.read_markers(tmp_path / "m.xlsx") == MARKERS
    pd.DataFrame().to_excel(tmp_path / "m.xlsx")
    with pytest.raises(InputError, match="first sheet of the workbook is empty"):
        gca.io.read_markers(tmp_path / "m.xlsx")


def test_an_index_with_a_name(tmp_path):
    """Parquet keeps an index; one with a name is a column."""
    pytest.importorskip("pyarrow")
    CLUSTERS.set_index("gene").to_parquet(tmp_path / "m.parquet")
    assert gca.io.read_markers(tmp_path / "m.parquet") == MARKERS


def test_lists_in_parquet(tmp_path):
    """Lists, which parquet holds as arrays, are the list that a cell of a table can hold."""
    pytest.importorskip("pyarrow")
    pd.DataFrame({"cluster": ["0"], "markers": [["MS4A1", "CD79A"]]}).to_parquet(tmp_path / "m.parquet")
    assert gca.io.read_markers(tmp_path / "m.parquet") == {"0": ["MS4A1", "CD79A"]}


def test_clusters_of_barcodes_with_row_names(tmp_path):
    """Barcodes that R's write.table leaves without a heading are the first column."""
    path = tmp_path / "c.txt"
    path.write_text('"orig" "cluster"\n"AAAC-1" "x" "0"\n"AAAG-1" "x" "1"\n')
    assert _tables.read(path, InputError).iloc[:, 0].tolist() == ["AAAC-1", "AAAG-1"]


def test_the_command_line_names_the_column(tmp_path):
    """A statistic that is not understood ends ``gca annotate`` with one line that names its column."""
    (tmp_path / "m.csv").write_text("cluster,gene,enrichment\n0,LYZ,-2\n0,CD3D,2\n")
    result = CliRunner().invoke(main, ["annotate", str(tmp_path / "m.csv"), "--offline"])
    assert result.exit_code == 1
    assert "the column 'enrichment'" in result.output
    assert "Traceback" not in result.output
