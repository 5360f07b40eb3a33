"""Reports as CSV files."""

from __future__ import annotations

import csv
import re

import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import MissingKeyError, ReportError


def test_the_table_comes_back(report, tmp_path):
    """The file has the table of get.clusters and more, and read_csv gives it back with its types."""
    gca.io.to_csv(report, tmp_path / "clusters.csv")
    table, expected = gca.io.read_csv(tmp_path / "clusters.csv"), gca.get.clusters(report)
    pd.testing.assert_frame_equal(table[list(expected.columns)], expected)
    assert list(table.index) == ["NK/T cell", "", "β", "7_0", "none"]
    assert table.loc["7_0", "missing_markers"] == ", ".join(report.cluster("7_0").validation.missing_markers)
    assert table.loc["none", "notes"] == "the cluster has no marker gene"
    assert table.loc["none", "ontology_id"] is None
    assert set(table["source"]) == {"offline"}
    assert [path.name for path in tmp_path.iterdir()] == ["clusters.csv"]


def test_an_annotated_object(cells, tmp_path):
    """to_csv takes an annotated object with its key; cells are whole numbers even where one cluster has none."""
    gca.tl.annotate(cells, "cluster", tissue="blood", key_added="mine")
    gca.io.to_csv(cells, tmp_path / "c.csv", key="mine")
    pd.testing.assert_frame_equal(
        gca.io.read_csv(tmp_path / "c.csv")[["n_cells", "label"]], gca.get.clusters(cells, "mine")[["n_cells", "label"]]
    )
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


def test_hostile_texts_come_back(hostile, tmp_path):
    """What was written comes back as it was, but for NUL and half letters, which no file can hold."""
    gca.io.to_csv(hostile, tmp_path / "c.csv")
    table = gca.io.read_csv(tmp_path / "c.csv")
    for (cluster, row), expected in zip(table.iterrows(), hostile.clusters):
        text = expected.cluster_id.replace("\0", "\ufffd").replace("\ud83e", "?")
        assert cluster == row["label"] == row["ontology_id"] == row["rationale"] == text


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"cluster,label\n0,B cell\n", b'"0', b"a,b\n1,2,3\n4,5,6,7\n", b"\x00"]
)
def test_a_file_that_is_no_such_table(tmp_path, content):
    """Another table, or no table at all, is a ReportError that names the file."""
    (tmp_path / "c.csv").write_bytes(content)
    with pytest.raises(ReportError, match=r"c\.csv"):
        gca.io.read_csv(tmp_path / "c.csv")


def test_a_number_that_is_none(report, tmp_path):
    """A table in which a number became text, as spreadsheets do to "0.9", says so."""
    gca.io.to_csv(report, tmp_path / "c.csv")
    text = (tmp_path / "c.csv").read_text(encoding="utf-8")
    score = str(report.clusters[0].confidence_score)
    assert score in text
    (tmp_path / "c.csv").write_text(text.replace(score, "0;9", 1), encoding="utf-8")
    with pytest.raises(ReportError, match="changed after"):
        gca.io.read_csv(tmp_path / "c.csv")


def test_a_report_without_clusters(report, tmp_path):
    """No cluster is a header, which reads back as an empty table."""
    from attrs import evolve

    gca.io.to_csv(evolve(report, clusters=()), tmp_path / "c.csv")
    assert len(gca.io.read_csv(tmp_path / "c.csv")) == 0


def test_a_folder_that_is_not_there(report, tmp_path):
    """A path in a folder that is not there is an OSError of that path."""
    with pytest.raises(FileNotFoundError):
        gca.io.to_csv(report, tmp_path / "no" / "c.csv")
