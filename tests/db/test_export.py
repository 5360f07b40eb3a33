"""Exported databases come back as they were."""

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
        "cell_type": ["B cell", "B cell", "B cell", 'my "own"\tcell, odd', "B cell"],
        "gene": ["CD79A", "MS4A1", "CD3E", "NA", "Ly6d"],
        "species": ["human", "both", "both", "both", "mouse"],
        "role": ["positive", "positive", "negative", "positive", "positive"],
        "strength": ["supporting", "canonical", "canonical", "canonical", "supporting"],
        "tissue": ["blood;spleen", "blood;spleen", "blood;spleen", "", "blood;spleen"],
        "sources": ["one;two", "", "", "", "one"],
    }
)
TABLE.loc[3, "gene"] = "NAN-1A"  # near to what readers take for a missing value


@pytest.mark.parametrize("name", ["m.tsv", "m.tsv.gz", "m.parquet", "m.json", "m.json.gz"])
def test_round_trip(tmp_path, name):
    """Tsv and json, packed or not, and parquet hold all that there is, odd names included."""
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    # All of the bundled database goes through one format, and a part merged with a table through each.
    part = _bundled.database().facts.iloc[::20]
    for source in (TABLE, [part, TABLE], *(["bundled"] if name == "m.tsv" else [])):
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
    gca.db.export(tmp_path / "a.tsv.gz", TABLE)
    gca.db.export(tmp_path / "b.tsv.gz", TABLE)
    assert (tmp_path / "a.tsv.gz").read_bytes() == (tmp_path / "b.tsv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.tsv.gz").read_bytes()).startswith(b"cell_type\tcl_id\tgene\t")


def test_gene_sets(tmp_path):
    """A set holds the positive genes of a type, canonical first, and its id; the GMT adapter reads it."""
    gca.db.export(tmp_path / "m.gmt", TABLE)
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
    written = gca.db.export(tmp_path / "m.json", TABLE)
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
        gca.db.export(tmp_path / name, TABLE, format=format)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    """What cannot be loaded or written leaves what was there, and no part of a file."""
    (tmp_path / "m.tsv").write_text("old")
    with pytest.raises(DatabaseError):
        gca.db.export(tmp_path / "m.tsv", tmp_path / "nothing.tsv")
    with pytest.raises(OSError, match="nowhere"):
        gca.db.export(tmp_path / "nowhere" / "m.tsv", TABLE)
    assert [path.name for path in tmp_path.iterdir()] == ["m.tsv"]
    assert (tmp_path / "m.tsv").read_text() == "old"


def test_without_pyarrow(tmp_path, monkeypatch):
    """Parquet without pyarrow is one sentence with the command."""
    database = gca.db.load(TABLE)  # before, because pandas 3 uses pyarrow for text where it is there
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    monkeypatch.setitem(__import__("sys").modules, "fastparquet", None)
    with pytest.raises(DatabaseError, match=r"pip install 'gca-scanpy\[parquet\]'"):
        gca.db.export(tmp_path / "m.parquet", database)
