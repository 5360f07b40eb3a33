"""The table of how two columns of labels agree."""

from __future__ import annotations

import pytest

import gca_scanpy as gca
from gca_scanpy.errors import MissingKeyError


@pytest.fixture
def labeled(cells):
    """Label the planted cells, and give them labels of a colleague, too."""
    gca.tl.annotate(cells, "cluster", tissue="blood")
    names = {"0": "naive B cell", "1": "T cells", "2": "blob", "3": "NK"}
    cells.obs["mine"] = cells.obs["cluster"].map(names).astype("category")
    return cells


def test_a_row_per_pair(labeled):
    """Each pair of labels that share cells has its row, and the figures of the whole are beside."""
    table = gca.get.agreement(labeled, "gptca_label", "mine")
    assert table.index.to_list() == [
        ("T cell", "T cells"),
        ("natural killer cell", "NK"),
        ("B cell", "naive B cell"),
        ("monocyte", "blob"),
    ]
    assert table["cells"].to_list() == [30] * 4
    assert table["relation"].to_list() == ["exact", "exact", "kin", "no term"]
    assert table["steps"].isna().to_list() == [False, False, False, True]
    assert table.attrs == {"cells": 120, "exact": 0.5, "compatible": 0.75, "adjusted_rand": 1.0}
    with pytest.raises(MissingKeyError, match="'nothing'"):
        gca.get.agreement(labeled, "mine", "nothing")


def test_the_terms_of_our_own_column(labeled):
    """The terms of our labels are those of the report, whatever the labels are called."""
    table = gca.get.agreement(labeled, "gptca_broad_label", "gptca_label")
    assert list(table["relation"].unique()) == ["exact"]
    assert table.attrs == {"cells": 120, "exact": 1.0, "compatible": 1.0, "adjusted_rand": 1.0}
    assert list(table.columns) == ["cells", "share", "relation", "steps"]
    labeled.uns["other"] = {"report": "junk"}
    labeled.obs["other_label"] = labeled.obs["mine"]
    assert gca.get.agreement(labeled, "other_label", "mine")["relation"].eq("exact").all()
