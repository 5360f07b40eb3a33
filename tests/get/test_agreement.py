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
    attrs = table.attrs
    assert {name: attrs[name] for name in ("cells", "exact", "compatible", "adjusted_rand")} == {
        "cells": 120, "exact": 0.5, "compatible": 0.75, "adjusted_rand": 1.0,
    }  # fmt: skip
    with pytest.raises(MissingKeyError, match="'nothing'"):
        gca.get.agreement(labeled, "mine", "nothing")


def test_the_terms_of_our_own_column(labeled):
    """The terms of our labels are those of the report, whatever the labels are called."""
    table = gca.get.agreement(labeled, "gptca_broad_label", "gptca_label")
    assert list(table["relation"].unique()) == ["exact"]
    assert table.attrs.pop("cells") == 120
    assert set(table.attrs) == {"exact", "compatible", "precision", "recall", "f1", "adjusted_rand"}
    assert set(table.attrs.values()) == {1.0}
    assert list(table.columns) == ["cells", "share", "relation", "steps", "precision", "recall", "f1"]
    labeled.uns["other"] = {"report": "junk"}
    labeled.obs["other_label"] = labeled.obs["mine"]
    assert gca.get.agreement(labeled, "other_label", "mine")["relation"].eq("exact").all()


def test_hierarchical_precision_and_recall(cells):
    """A broader label says nothing wrong, a finer one nothing less; two subtypes share what their ancestors say."""
    pairs = {"0": ("T cell", "CD8 T"), "1": ("CD8 T", "T cell"), "2": ("CD4 T", "CD8 T"), "3": ("blob", "NK")}
    cells.obs["a"], cells.obs["b"] = (cells.obs["cluster"].map({k: v[i] for k, v in pairs.items()}) for i in (0, 1))
    table = gca.get.agreement(cells, "a", "b")
    broader, finer, other = (table.loc[pair] for pair in list(pairs.values())[:3])
    assert (broader["precision"], finer["recall"]) == (1.0, 1.0)
    assert broader["recall"] == finer["precision"] < 1
    assert broader["f1"] == pytest.approx(2 * broader["recall"] / (1 + broader["recall"]))
    assert 0 < other["precision"] < 1
    assert table.loc[("blob", "NK"), ["precision", "recall", "f1"]].isna().all()
    assert table.attrs["precision"] == table.attrs["recall"] == pytest.approx(table.attrs["f1"])
    assert gca.get.agreement(cells, "b", "a").attrs["f1"] == pytest.approx(table.attrs["f1"])


def test_nothing_shared_and_no_terms(cells):
    """Types that share no ancestor that says something have zero; without terms the shares are missing."""
    cells.obs["a"], cells.obs["b"], cells.obs["c"] = "T cell", "astrocyte", "blob"
    assert gca.get.agreement(cells, "a", "b").attrs["f1"] < 0.35
    assert gca.get.agreement(cells, "a", "c").attrs["f1"] is None
