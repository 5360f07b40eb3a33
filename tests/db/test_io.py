"""Marker databases from the package, files, tables, and several of these; what is exported comes back as it was."""

from __future__ import annotations

import gzip
import json

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy._scoring.database import fingerprint
from gca_scanpy.db import _bundled
from gca_scanpy.errors import DatabaseError, InputError

TABLE = pd.DataFrame(
    {
        "cell_type": ["B cell", "B cell", "T cell", "T cell"],
        "gene": ["MS4A1", "CD79A", "CD3D", "CD3E"],
        "species": ["human", "both", "both", "both"],
    }
)
EXPORTED = pd.DataFrame(
    {
        "cell_type": ["B cell", "B cell", "B cell", 'my "own"\tcell, odd', "B cell"],
        "gene": ["CD79A", "MS4A1", "CD3E", "NA", "Ly6d"],
        "species": ["human", "both", "both", "both", "mouse"],
        "role": ["positive", "positive", "negative", "positive", "positive"],
        "strength": ["supporting", "canonical", "canonical", "canonical", "supporting"],
        "tissue": ["blood;spleen", "blood;spleen", "blood;spleen", "", "blood;spleen"],
        "sources": ["one;two", "", "", "", "one"],
    }
)
EXPORTED.loc[3, "gene"] = "NAN-1A"  # near to what readers take for a missing value


def _facts(database):
    return database.facts[["cell_type", "cl_id", "gene", "species"]].to_numpy().tolist()


EXPECTED = [
    ["B cell", "CL:0000236", "MS4A1", "human"],
    ["B cell", "CL:0000236", "CD79A", "both"],
    ["T cell", "CL:0000084", "CD3D", "both"],
    ["T cell", "CL:0000084", "CD3E", "both"],
]


def test_the_bundled_database():
    """The bundled database has a version, a fingerprint and only rows of the agreed form."""
    database = gca.db.load()
    assert len(database.sha256) == 64
    assert database.version
    assert set(database.facts["species"]) <= {"human", "mouse", "both"}
    assert set(database.facts["role"]) <= {"positive", "negative"}
    assert set(database.facts["strength"]) <= {"canonical", "supporting"}
    assert (database.facts[["cell_type", "gene"]] != "").all(axis=None)
    assert "B cell" in set(database.facts["cell_type"])
    assert gca.db.load("bundled") is gca.db.load() is gca.db.load(database)


@pytest.mark.parametrize("name", ["m.tsv", "m.csv", "m.tsv.gz", "m.csv.gz"])
def test_a_file_gives_the_facts_of_its_table(tmp_path, name):
    """Tsv and csv, packed too, give the same facts and fingerprint as the DataFrame."""
    TABLE.to_csv(tmp_path / name, index=False, sep="," if ".csv" in name else "\t")
    database = gca.db.load(tmp_path / name)
    assert _facts(database) == EXPECTED
    assert database.version == name
    assert database.sha256 == gca.db.load(TABLE).sha256 == gca.db.load(TABLE[::-1]).sha256
    assert gca.db.load(str(tmp_path / name)).sha256 == database.sha256


def test_a_parquet_file(tmp_path):
    """Parquet works where pyarrow is there."""
    pytest.importorskip("pyarrow")
    TABLE.to_parquet(tmp_path / "m.parquet")
    assert _facts(gca.db.load(tmp_path / "m.parquet")) == EXPECTED


def test_a_file_from_a_spreadsheet(tmp_path):
    """A byte order mark, capitals in the header and spaces around values are no obstacle."""
    text = "Cell Type,Gene,Remark\r\n B cell , ms4a1 ,x\r\nB cell,CD79A,\r\n"
    (tmp_path / "m.csv").write_bytes(text.encode("utf-8-sig"))
    assert gca.db.load(tmp_path / "m.csv").facts["gene"].tolist() == ["MS4A1", "CD79A"]


def test_the_gene_na_is_not_missing(tmp_path):
    """Words that pandas takes for missing values are text in a marker table."""
    (tmp_path / "m.tsv").write_text("cell_type\tgene\nN/A\tCD3D\nnull\tCD3E\n", encoding="utf-8")
    assert gca.db.load(tmp_path / "m.tsv").facts["cell_type"].tolist() == ["N/A", "null"]


def test_several_sources_are_merged():
    """A list is merged: the same fact once, and all types of both."""
    other = pd.DataFrame({"cell_type": ["B cell", "monocyte"], "gene": ["CD79A", "LYZ"]})
    database = gca.db.load([TABLE, other])
    assert sorted(database.facts["gene"]) == ["CD3D", "CD3E", "CD79A", "LYZ", "MS4A1"]
    assert gca.db.load([TABLE]).sha256 == gca.db.load(TABLE).sha256


def test_a_users_table_decides_the_label(lineages):
    """marker_db= takes the place of the bundled database, and the report names it."""
    own = pd.DataFrame({"cell_type": ["my cell"] * 6, "gene": lineages["B cell"][:6]})
    report = gca.annotate_markers({"0": lineages["B cell"][:8]}, marker_db=own)
    assert report.clusters[0].annotation.proposed_label == "my cell"
    assert report.provenance.database_sha256 == gca.db.load(own).sha256


def test_the_environment_names_a_table(tmp_path, monkeypatch, lineages):
    """GCA_MARKER_DB_PATH names a table for every run; marker_db= outranks it."""
    TABLE.to_csv(tmp_path / "m.tsv", index=False, sep="\t")
    monkeypatch.setenv("GCA_MARKER_DB_PATH", str(tmp_path / "m.tsv"))
    asked = {"0": lineages["T cell"][:2]}
    assert gca.annotate_markers(asked).provenance.database_version == "m.tsv"
    assert gca.annotate_markers(asked, marker_db="bundled").provenance.database_version != "m.tsv"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.tsv", b"", "m.tsv cannot be read"),
        ("m.tsv", b"type\tsymbol\nB cell\tMS4A1\n", "no column cell_type and no column gene; it has: type, symbol"),
        ("m.csv", b"cell_type,gene\nB cell,MS4A1\nB cell,MS4A1,x,y\n", "m.csv cannot be read"),
        ("m.tsv", b"cell_type\tgene\n\t\n", "no usable row"),
        ("m.tsv", b"cell_type\tgene\tspecies\nB cell\tMS4A1\trat\n", "species 'rat' in row 1; allowed are both, human"),
        ("m.tsv", b"cell_type\tgene\n\xff\xfe\n", "m.tsv cannot be read"),
        ("m.tsv.gz", b"no gzip", "m.tsv.gz cannot be read"),
        ("m.tsv.gz", gzip.compress(b"cell_type\tgene\nB cell\tMS4A1\n" * 50)[:40], "m.tsv.gz cannot be read"),
        ("m.parquet", b"no parquet", "m.parquet cannot be read"),
    ],
    ids=["empty", "columns", "ragged", "no row", "species", "binary", "no gzip", "cut gzip", "no parquet"],
)
def test_tables_that_cannot_be_used(tmp_path, name, content, message):
    """A table that cannot be used is a DatabaseError that names the file and what is wrong with it."""
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatabaseError, match=message):
        gca.db.load(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path):
    """A missing file, a folder and an empty list say so."""
    with pytest.raises(DatabaseError, match=r"no marker table at .*x\.tsv"):
        gca.db.load(tmp_path / "x.tsv")
    with pytest.raises(DatabaseError, match="cannot be read"):
        gca.db.load(tmp_path)
    with pytest.raises(DatabaseError, match="no marker database was given"):
        gca.db.load([])


def test_the_users_table_is_not_changed():
    """The DataFrame that is passed in stays as it was, whatever its index."""
    table = TABLE.set_index(pd.Index([7, 7, 8, 9]))
    before = table.copy(deep=True)
    assert _facts(gca.db.load(table)) == EXPECTED
    pd.testing.assert_frame_equal(table, before)


def test_what_was_mended_is_noted(lineages):
    """Duplicate rows, unknown ontology ids and rows without a gene are mended or left out, and the report says so."""
    table = pd.DataFrame(
        {
            "cell_type": ["B cell", "B cell", "B cell", "B cell"],
            "gene": ["[MS4A1]", "ms4a1", "CD79A", "915"],
            "cl_id": ["CL:0000236", "", "CL:9999999", ""],
        }
    )
    report = gca.annotate_markers({"0": lineages["B cell"][:2]}, marker_db=table)
    notes = " | ".join(report.warnings)
    assert "repeat a fact" in notes
    assert "CL:9999999" in notes
    assert "1 rows have no gene symbol" in notes
    assert gca.db.load(table).facts["gene"].tolist() == ["MS4A1", "CD79A"]


def test_genes_that_are_lower_in_a_type(tmp_path):
    """A table of markers with statistics: lower genes are no facts, in a file and in a frame, and a note says so."""
    text = "cell_type;gene;avg_log2FC\nB cell;MS4A1;2,5\nB cell;CD79A;1\nB cell;LYZ;\u22122,5\n"
    (tmp_path / "own.csv").write_text(text)
    frame = pd.read_csv(tmp_path / "own.csv", sep=";")
    for source in (tmp_path / "own.csv", frame):
        database = gca.db.load(source)
        assert database.facts["gene"].tolist() == ["MS4A1", "CD79A"]
        assert any("1 rows of" in note and "not higher in their type" in note for note in database.notes)
    assert "LYZ" in gca.db.load(frame.assign(role=["positive", "positive", "negative"])).facts["gene"].tolist()
    with pytest.raises(DatabaseError, match=r"the column 'enrichment' .* avg_log2FC"):
        gca.db.load(frame.rename(columns={"avg_log2FC": "enrichment"}))


@pytest.mark.parametrize("weight", ["-0.5", "-0,5", "\u22120.5"])
def test_negative_weights_of_decoupler(weight):
    """A negative weight is a negative marker, in any form of the number; text is an error."""
    network = pd.DataFrame({"source": ["B cell"] * 2, "target": ["MS4A1", "CD3D"], "weight": ["1", weight]})
    facts = gca.db.load(network).facts.set_index("gene")
    assert facts.loc["CD3D", "role"] == "negative"
    with pytest.raises(DatabaseError, match="'weight' has 'none of it' in row 2"):
        gca.db.load(network.assign(weight=["1", "none of it"]))


def test_a_frame_with_a_column_twice():
    """Two columns of one name with different values are an error, and equal ones are one column."""
    frame = pd.DataFrame([["B cell", "MS4A1", "MS4A1"]], columns=["cell_type", "gene", "gene"])
    assert gca.db.load(frame).facts["gene"].tolist() == ["MS4A1"]
    frame.iloc[0, 2] = "CD3D"
    with pytest.raises(DatabaseError, match="several columns 'gene'"):
        gca.db.load(frame)


@pytest.mark.parametrize("name", ["m.tsv", "m.tsv.gz", "m.parquet", "m.json", "m.json.gz"])
def test_round_trip(tmp_path, name):
    """Tsv and json, packed or not, and parquet hold all that there is, odd names included."""
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    # All of the bundled database goes through one format, and a part merged with a table through each.
    part = _bundled.database().facts.iloc[::20]
    for source in (EXPORTED, [part, EXPORTED], *(["bundled"] if name == "m.tsv" else [])):
        written = gca.db.export(tmp_path / name, source)
        back = gca.db.load(tmp_path / name)
        # The bundled one's sha256 is that of its files.
        assert back.sha256 == fingerprint(written.facts)
        assert back.notes == tuple(n for n in back.notes if "no Cell Ontology term" in n)
        pd.testing.assert_frame_equal(back.facts, written.facts, check_dtype=False, check_column_type=False)


GENES = ["CD19", "cd19", "Cd19", "Klrb1c", "KLRB1C", "Ly6c2", "LY6C2", "Gm999x", "GM999X", "gm999x", "H2-K1", "Sepp1"]


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["B cell", "my type"]),
            st.sampled_from(GENES),
            st.sampled_from(["human", "mouse", "both"]),
            st.sampled_from(["positive", "negative"]),
        ),
        min_size=1,
    )
)
@settings(deadline=None)
def test_a_loaded_table_is_stable(rows):
    """However a table writes genes of either species, what was read from it reads back as the same facts."""
    table = pd.DataFrame(rows, columns=["cell_type", "gene", "species", "role"])
    table = table[
        ~table["role"].eq("negative")
        | ~table["gene"].str.upper().isin(table["gene"][table["role"].eq("positive")].str.upper())
    ]
    assume(len(table))
    once = gca.db.load(table)
    twice = gca.db.load(once.facts)
    pd.testing.assert_frame_equal(twice.facts, once.facts, check_dtype=False, check_column_type=False)
    assert twice.sha256 == once.sha256


@pytest.mark.parametrize("content", ['{"facts": 5}', "[1, 2]", '"text"', "{}", "[", "null"])
def test_json_of_another_kind(tmp_path, content):
    """What is no list of facts is said so."""
    (tmp_path / "m.json").write_text(content)
    with pytest.raises(DatabaseError, match=r"m\.json cannot be read"):
        gca.db.load(tmp_path / "m.json")


def test_the_same_file_each_time(tmp_path):
    """A packed file does not hold the time, so that its hash says something."""
    gca.db.export(tmp_path / "a.tsv.gz", EXPORTED)
    gca.db.export(tmp_path / "b.tsv.gz", EXPORTED)
    assert (tmp_path / "a.tsv.gz").read_bytes() == (tmp_path / "b.tsv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.tsv.gz").read_bytes()).startswith(b"cell_type\tcl_id\tgene\t")


def test_gene_sets(tmp_path):
    """A set holds the positive genes of a type, canonical first, and its id; the GMT adapter reads it."""
    gca.db.export(tmp_path / "m.gmt", EXPORTED)
    lines = (tmp_path / "m.gmt").read_text().splitlines()
    assert [line.split("\t") for line in lines] == [
        ["B cell", "CL:0000236", "MS4A1", "CD79A", "LY6D"],
        ['my "own" cell, odd', "-", "NAN-1A"],
    ]
    facts = gca.db.load(tmp_path / "m.gmt").facts
    assert facts.loc[facts["cl_id"].eq("CL:0000236"), "gene"].tolist() == ["MS4A1", "CD79A", "LY6D"]


def test_the_bundled_gene_sets(tmp_path):
    """Every type of the bundled database is one set, and is recognized by its id."""
    written = gca.db.export(tmp_path / "m.gmt")
    back = gca.db.load(tmp_path / "m.gmt")
    assert set(back.facts["cl_id"]) == set(written.facts["cl_id"])


def test_json(tmp_path):
    """The JSON has the version, the fingerprint, and a record for each fact."""
    written = gca.db.export(tmp_path / "m.json", EXPORTED)
    content = json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    assert content["version"] == "DataFrame"
    assert content["sha256"] == written.sha256
    assert gca.db.load(pd.DataFrame(content["facts"])).sha256 == written.sha256


@pytest.mark.parametrize(
    ("name", "format"),
    [("m.xlsx", None), ("m", None), ("m.tsv", "gmt"), ("m.tsv", "excel"), ("m.parquet.gz", None)],
)
def test_a_format_that_does_not_fit(tmp_path, name, format):
    """An unknown format, or one that the ending contradicts, is refused before anything is written."""
    with pytest.raises(InputError, match=r"m"):
        gca.db.export(tmp_path / name, EXPORTED, format=format)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    """What cannot be loaded or written leaves what was there, and no part of a file."""
    (tmp_path / "m.tsv").write_text("old")
    with pytest.raises(DatabaseError):
        gca.db.export(tmp_path / "m.tsv", tmp_path / "nothing.tsv")
    with pytest.raises(OSError, match="nowhere"):
        gca.db.export(tmp_path / "nowhere" / "m.tsv", EXPORTED)
    assert [path.name for path in tmp_path.iterdir()] == ["m.tsv"]
    assert (tmp_path / "m.tsv").read_text() == "old"


def test_without_pyarrow(tmp_path, monkeypatch):
    """Parquet without pyarrow is one sentence with the command."""
    database = gca.db.load(EXPORTED)  # before, because pandas 3 uses pyarrow for text where it is there
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    monkeypatch.setitem(__import__("sys").modules, "fastparquet", None)
    with pytest.raises(DatabaseError, match=r"pip install 'gca-scanpy\[parquet\]'"):
        gca.db.export(tmp_path / "m.parquet", database)
