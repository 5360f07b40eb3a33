"""Reports as CSV files."""

from __future__ import annotations

import csv
import re

import pandas as pd
import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy._reporting.documents import guarded
from gca_scanpy.errors import MissingKeyError


def _read(path):
    """The file as another program reads it: texts, the clusters as index."""
    return pd.read_csv(path, dtype=str, keep_default_na=False, index_col="cluster")


def test_the_table_of_the_clusters(report, tmp_path):
    """The file has the table of get.clusters and more; numbers and texts are those of the report."""
    gca.io.to_csv(report, tmp_path / "clusters.csv")
    table, expected = _read(tmp_path / "clusters.csv"), gca.get.clusters(report)
    assert list(table.index) == ["NK/T cell", "", "β", "7_0", "none"]
    for name in expected.columns.drop("n_cells"):
        assert list(table[name]) == ["" if pd.isna(value) else str(value) for value in expected[name]]
    assert table.loc["7_0", "missing_markers"] == ", ".join(report.cluster("7_0").validation.missing_markers)
    assert table.loc["none", "notes"] == "the cluster has no marker gene"
    assert table.loc["none", "ontology_id"] == ""
    assert set(table["source"]) == {"offline"}
    assert set(table["n_cells"]) == {""}
    assert [path.name for path in tmp_path.iterdir()] == ["clusters.csv"]


def test_an_annotated_object(cells, tmp_path):
    """to_csv takes an annotated object with its key; cell numbers are whole."""
    gca.tl.annotate(cells, "cluster", tissue="blood", key_added="mine")
    gca.io.to_csv(cells, tmp_path / "c.csv", key="mine")
    table, expected = _read(tmp_path / "c.csv"), gca.get.clusters(cells, "mine")
    assert list(table["n_cells"]) == [str(value) for value in expected["n_cells"]]
    assert list(table["label"]) == list(expected["label"])
    assert '"0",30,' in (tmp_path / "c.csv").read_text(encoding="utf-8")
    with pytest.raises(MissingKeyError, match="gptca"):
        gca.io.to_csv(cells, tmp_path / "c.csv")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_runs_in_a_spreadsheet(hostile, tmp_path, separator):
    """Read with commas, semicolons or tabs between cells, no cell of a hostile report starts as a formula."""
    gca.io.to_csv(hostile, tmp_path / "c.csv")
    limit = csv.field_size_limit(10**6)
    with (tmp_path / "c.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file, delimiter=separator) for cell in row]
    csv.field_size_limit(limit)
    assert len(cells) > len(hostile.clusters)
    assert [cell for cell in cells if re.match(r"[\s\"]*[=+\-@]", cell)] == []


def test_hostile_texts_are_kept(hostile, tmp_path):
    """Each text is in its own cell, whole but for the guard, NUL, and half letters, which no file can hold."""
    gca.io.to_csv(hostile, tmp_path / "c.csv")
    with (tmp_path / "c.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, expected in zip(rows, hostile.clusters):
        text = guarded(expected.cluster_id).replace("\ud83e", "?")
        assert row["cluster"] == row["label"] == row["ontology_id"] == row["rationale"] == text
    assert len(rows) == len(hostile.clusters)


def test_a_report_without_clusters(report, tmp_path):
    """A report without clusters gives a header and no row."""
    gca.io.to_csv(evolve(report, clusters=()), tmp_path / "c.csv")
    assert len(_read(tmp_path / "c.csv")) == 0
    assert (tmp_path / "c.csv").read_text(encoding="utf-8").startswith('"cluster","n_cells","label",')


def test_a_folder_that_is_not_there(report, tmp_path):
    """A path in a folder that does not exist is an OSError with that path."""
    with pytest.raises(FileNotFoundError):
        gca.io.to_csv(report, tmp_path / "no" / "c.csv")


def test_the_witnesses(tmp_path):
    """Each supporting marker has its witnesses in words, and those that have any are in a column of their own."""
    facts = [("B cell", "CD79A", "asctb;cellmarker2"), ("B cell", "MS4A1", ""), ("lymphocyte", "CD79B", "my lab")]
    database = gca.db.load(pd.DataFrame(facts, columns=["cell_type", "gene", "sources"]))
    report = gca.validate_markers({"b": ["CD79A", "MS4A1"], "none": []}, {"b": "B cell"}, marker_db=database)
    gca.io.to_csv(report, tmp_path / "c.csv")
    table = _read(tmp_path / "c.csv")
    assert table.loc["b", "witnessed_markers"] == "CD79A"
    assert sorted(table.loc["b", "witnesses"].split(" | ")) == [
        "CD79A: stated by ASCT+B, CellMarker 2.0",
        "MS4A1: no witness",
    ]
    assert table.loc["none", "witnessed_markers"] == table.loc["none", "witnesses"] == ""
    gca.io.to_csv(evolve(report, witnesses={}), tmp_path / "older.csv")
    assert set(_read(tmp_path / "older.csv")["witnesses"]) == {""}
