"""Loading marker databases from the package, files, tables, and several of these."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import DatabaseError

TABLE = pd.DataFrame(
    {
        "cell_type": ["B cell", "B cell", "T cell", "T cell"],
        "gene": ["MS4A1", "CD79A", "CD3D", "CD3E"],
        "species": ["human", "both", "both", "both"],
    }
)


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
