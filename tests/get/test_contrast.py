"""The contrast of two types in the cells of a cluster, or in a report alone."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import InputError, MissingKeyError
from gca_scanpy.get._contrast import observed


@pytest.fixture
def labeled(cells):
    """Label the planted cells."""
    gca.tl.annotate(cells, "cluster", tissue="blood")
    return cells


def test_the_cells_speak_for_their_type(labeled, content):
    """Each planted gene speaks for B cells in theirs, with its fraction and means, and nothing is written."""
    before = content(labeled)
    found = gca.get.contrast(labeled, "0", "B cells", "T cell")
    assert content(labeled) == before
    assert (found.first, found.second, found.first_id) == ("B cell", "T cell", "CL:0000236")
    table = found.to_frame().set_index("gene")
    assert {"MS4A1", "CD79A", "CD3D", "CD3E"} <= set(table.index)
    assert set(table.loc[table["is_measured"] & table["says"].ne(""), "says"]) == {"B cell"}
    values = labeled[labeled.obs["cluster"] == "0", "MS4A1"].X.toarray()
    others = [labeled[labeled.obs["cluster"] == other, "MS4A1"].X.mean() for other in "123"]
    assert table.loc["MS4A1", "fraction"] == pytest.approx((values > 0).mean(), abs=1e-4)
    assert table.loc["MS4A1", "mean"] == pytest.approx(values.mean(), abs=1e-4)
    assert table.loc["MS4A1", "highest_other"] == pytest.approx(max(others), abs=1e-4)
    assert list(gca.get.contrast(labeled, "1", "B cell", "T cell").says("B cell")) == []


def test_the_defaults_and_one_given_type(labeled):
    """The label against its competitor; a second type alone stays the second."""
    assert gca.get.contrast(labeled, "2").first == "monocyte"
    assert gca.get.contrast(labeled, "0", "B cell").second != "B cell"
    assert gca.get.contrast(labeled, "0", second="T cell").second == "T cell"


def test_the_names_of_the_data(cells):
    """Other names with symbols in a column are shown as symbols."""
    cells.var["symbol"] = list(cells.var_names)
    cells.var_names = [f"gene{i}" for i in range(cells.n_vars)]
    gca.tl.annotate(cells, "cluster", tissue="blood", gene_symbols="symbol")
    found = gca.get.contrast(cells, "0", "B cell", "T cell")
    assert {gene.gene for gene in found.says("B cell")} >= {"MS4A1", "CD79A"}


def test_a_report_alone():
    """Without cells there are no fractions; the listed genes count as expressed, mouse genes by their own names."""
    report = gca.annotate_markers({"0": ["Ms4a1", "Cd79a", "Cd79b", "Bank1"]}, species="mouse", tissue="spleen")
    table = gca.get.contrast(report, "0", "B cell", "T cell").to_frame()
    assert set(table.loc[table["says"].ne(""), "gene"]) >= {"Ms4a1", "Cd79a"}
    assert table["fraction"].isna().all()
    assert list(table.dtypes.astype(str)[["is_measured", "strength"]]) == ["boolean", "float64"]


def test_another_database():
    """A report of another database needs it; the contrast has its genes alone."""
    own = pd.DataFrame([("A", "MS4A1"), ("A", "CD79A"), ("B", "CD3D"), ("B", "CD3E")], columns=["cell_type", "gene"])
    report = gca.annotate_markers({"0": ["MS4A1", "CD79A"]}, marker_db=own)
    with pytest.raises(InputError, match="pass that database as marker_db"):
        gca.get.contrast(report, "0", "A", "B")
    found = gca.get.contrast(report, "0", "A", "B", marker_db=own)
    assert [gene.symbol for gene in found.for_type("A")] == ["CD79A", "MS4A1"]
    assert found.first_id is None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("9",), MissingKeyError, "no cluster '9'; there are: 0, 1, 2, 3"),
        (("0", "blob"), InputError, "'blob' is not the name of one cell type"),
        (("0", "B cell", "CL:0000236"), InputError, "are the same type, B cell"),
        (("0", "CL:0000000", "B cell"), InputError, "no human genes for cell; name another type"),
    ],
)
def test_what_cannot_be_contrasted(labeled, arguments, error, message):
    """The message says what was wrong and what to do."""
    with pytest.raises(error, match=re.escape(message)):
        gca.get.contrast(labeled, *arguments)


def test_cells_that_changed(labeled):
    """A subset without the cluster has nothing to show."""
    with pytest.raises(InputError, match="no cell here is in cluster '0'"):
        gca.get.contrast(labeled[labeled.obs["cluster"] != "0"].copy(), "0")


def test_what_cells_show():
    """High in the cluster, lacking there, in between; scaled values and tiny clusters show neither."""
    here = np.tile([2.0, 0.0, 0.0], (20, 1))
    here[:5, 2] = 1.0
    there = np.tile([0.0, 2.0, 1.0], (20, 1))
    seen = observed([there, here], 1, logged=True)
    assert [one.is_expressed for one in seen] == [True, False, None]
    assert (seen[0].fraction, seen[0].mean, seen[0].highest_other) == (1.0, 2.0, 0.0)
    assert (seen[2].fraction, seen[2].mean, seen[2].highest_other) == (0.25, 0.25, 1.0)
    scaled = observed([there - 1, here - 1], 1, logged=True)
    assert {(one.is_expressed, one.fraction) for one in scaled} == {(None, None)}
    assert {one.is_expressed for one in observed([there, here[:9]], 1, logged=True)} == {None}
    assert observed([here], 0, logged=True)[0].highest_other is None
