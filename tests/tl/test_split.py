"""Taking mixed clusters apart: names, order, other clusters, errors, and objects of every kind."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import InputError, MissingKeyError, ReportError


@pytest.fixture
def mixed(mix):
    """Cells in four clusters and "9", which has 30 B and 30 T cells; annotated."""
    adata = mix(n_b=30, n_t=30)
    gca.tl.annotate(adata, "cluster", tissue="blood")
    return adata


def _parts(adata, column="cluster_split"):
    mixed = adata.obs[adata.obs["cluster"] == "9"]
    return pd.crosstab(mixed[column].astype(str), mixed["planted"]).to_dict("index")


def test_a_cluster_is_replaced_by_its_parts(mixed, content):
    """The first part is that of the proposed label; other clusters, the order and the rest of the object stay."""
    before = content(mixed)
    assert gca.tl.split(mixed, "9") is None
    assert _parts(mixed) == {"9,0": {"B cell": 30, "T cell": 0}, "9,1": {"B cell": 0, "T cell": 30}}
    assert list(mixed.obs["cluster_split"].cat.categories) == ["0", "1", "2", "3", "9,0", "9,1"]
    others = mixed.obs["cluster"] != "9"
    assert (mixed.obs["cluster_split"].astype(str) == mixed.obs["cluster"].astype(str))[others].all()
    del mixed.obs["cluster_split"]
    assert content(mixed) == before


def test_the_parts_can_be_labeled(mixed):
    """The new column is a clustering like any other, and each part gets its label without a flag."""
    gca.tl.split(mixed, "9", key_added="fine")
    gca.tl.annotate(mixed, "fine", tissue="blood", key_added="second")
    clusters = gca.get.clusters(mixed, "second")
    assert list(clusters.loc[["9,0", "9,1"], "broad_label"]) == ["B cell", "T cell"]
    assert list(clusters.loc[["9,0", "9,1"], "status"]) == ["supported"] * 2


def test_doublets_are_a_part_of_their_own(mix):
    """Cells that express both leave the cells of the one type."""
    adata = mix(n_b=15, n_both=45)
    gca.tl.annotate(adata, "cluster", tissue="blood")
    gca.tl.split(adata)
    assert _parts(adata) == {"9,0": {"B cell": 15, "both": 0}, "9,doublets": {"B cell": 0, "both": 45}}


def test_cells_without_the_genes_keep_the_name(mix):
    """A cell that expresses none of the genes is in neither part."""
    adata = mix(n_b=30, n_t=33)
    adata.X = adata.X.toarray()
    empty = np.flatnonzero(adata.obs["cluster"] == "9")[:3]
    for row in empty:
        adata.X[row, :48] = 0
    gca.tl.annotate(adata, "cluster", tissue="blood")
    gca.tl.split(adata, ["9"])
    assert list(adata.obs["cluster_split"].iloc[empty]) == ["9"] * 3
    assert list(adata.obs["cluster_split"].cat.categories)[-3:] == ["9,0", "9,1", "9"]


def test_all_mixed_clusters_are_split_if_none_is_named(mixed, cells):
    """None takes all that can be separated; if nothing is mixed, the column is a copy of the clusters."""
    gca.tl.split(mixed)
    assert set(_parts(mixed)) == {"9,0", "9,1"}
    gca.tl.annotate(cells, "cluster", tissue="blood")
    gca.tl.split(cells)
    assert list(cells.obs["cluster_split"]) == list(cells.obs["cluster"])
    assert list(cells.obs["cluster_split"].cat.categories) == ["0", "1", "2", "3"]


def test_names_that_are_taken_are_not_used_again(mix):
    """An earlier split may have left "9,0"; the parts of "9" get other names, and no clusters are merged."""
    adata = mix(n_b=30, n_t=30)
    adata.obs["cluster"] = adata.obs["cluster"].cat.rename_categories({"2": "9,0", "3": "9,doublets"})
    gca.tl.annotate(adata, "cluster", tissue="blood")
    gca.tl.split(adata, "9")
    assert set(_parts(adata)) == {"9,1", "9,2"}
    assert (adata.obs["cluster_split"] == "9,0").sum() == 50


def test_categories_stay_in_their_order(mix):
    """The parts stand where their cluster stood, also between others; numbers as ids and missing cells work."""
    adata = mix(n_b=30, n_t=30)
    numbers = adata.obs["cluster"].astype(str).replace({"9": "1", "1": "9"}).astype(float)
    numbers.iloc[:2] = np.nan
    adata.obs["cluster"] = numbers
    gca.tl.annotate(adata, "cluster", tissue="blood")
    gca.tl.split(adata, [1])
    assert list(adata.obs["cluster_split"].cat.categories) == ["0", "1,0", "1,1", "2", "3", "9"]
    assert adata.obs["cluster_split"].isna().tolist() == numbers.isna().tolist()


def test_copies_views_subsets_and_files(mixed, content, tmp_path):
    """A copy leaves the original as it is; views, subsets, files and chunked matrices give the same parts."""
    before = content(mixed)
    copied = gca.tl.split(mixed, "9", copy=True)
    assert content(mixed) == before
    expected = copied.obs["cluster_split"]
    view = mixed[:]
    gca.tl.split(view, "9")
    assert view.obs["cluster_split"].equals(expected)
    subset = mixed[mixed.obs["cluster"] != "3"]
    gca.tl.split(subset, "9")
    assert list(subset.obs["cluster_split"]) == list(expected[mixed.obs["cluster"] != "3"])
    mixed.write_h5ad(tmp_path / "cells.h5ad")
    backed = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    gca.tl.split(backed, "9")
    assert list(backed.obs["cluster_split"]) == list(expected)
    array = pytest.importorskip("dask.array")
    mixed.X = array.from_array(mixed.X.toarray(), chunks=(64, 25))
    gca.tl.split(mixed, "9")
    assert list(mixed.obs["cluster_split"]) == list(expected)


def test_the_parts_are_those_of_the_report(mix):
    """The shares of the report are those of the cells; a large cluster is judged by a sample, and split as a whole."""
    adata = mix(n_b=60, n_t=60)
    with gca._scoring.numbers.override(mixture_cells=40):
        gca.tl.annotate(adata, "cluster", tissue="blood")
        gca.tl.split(adata, "9")
    assert _parts(adata) == {"9,0": {"B cell": 60, "T cell": 0}, "9,1": {"B cell": 0, "T cell": 60}}


def _without_a_report(adata):
    del adata.uns["gptca"]


def _without_genes(adata):
    adata.var_names = [f"gene{i}" for i in range(adata.n_vars)]


def _regrouped(adata):
    adata.obs["cluster"] = adata.obs["cluster"].astype(str).replace({"0": "1", "1": "0"})


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (None, {"clusters": "0"}, InputError, "'0' cannot be separated: the run found no second lineage.*can be: '9'"),
        (None, {"clusters": ["9", "x"]}, InputError, "there is no cluster 'x'; there are: '0', '1'"),
        (None, {"clusters": []}, InputError, "clusters is empty"),
        (None, {"clusters": 3}, InputError, "clusters=3 must be a list of cluster ids"),
        (None, {"key": "other"}, MissingKeyError, "run gca_scanpy.tl.annotate"),
        (None, {"groupby": "planted"}, InputError, "groupby='planted', but the report.*clusters in 'cluster'"),
        (None, {"key_added": "cluster"}, InputError, "would replace .obs\\['cluster'\\], the clusters"),
        (None, {"key_added": "gptca_label"}, InputError, "would replace .obs\\['gptca_label'\\], a result"),
        (None, {"key_added": "a/b"}, InputError, "a name that files can contain"),
        (_without_a_report, {}, MissingKeyError, "there is no report"),
        (_without_genes, {}, InputError, "genes"),
        (_regrouped, {}, InputError, "annotate again"),
    ],
)
def test_errors_say_what_to_do_and_change_nothing(mixed, content, change, options, error, message):
    """Every refusal names what was wrong, and leaves the object as it was."""
    if change is not None:
        change(mixed)
    before = content(mixed)
    with pytest.raises(error, match=message):
        gca.tl.split(mixed, **options)
    assert content(mixed) == before


def test_undecided_and_unread_clusters_are_explained(mix, mixed):
    """The error repeats what is known about the cells."""
    adata = mix(n_both=40)
    alone = adata[adata.obs["cluster"].isin(["9", "2", "3"])].copy()
    gca.tl.annotate(alone, "cluster", tissue="blood")
    with pytest.raises(InputError, match=r"'9' cannot be separated: the cells do not show.*can be: none"):
        gca.tl.split(alone, "9")
    del mixed.X
    mixed.X = None
    with pytest.raises(InputError, match="annotate again"):
        gca.tl.split(mixed, "9")


def test_a_damaged_report_is_refused(mixed):
    """An entry of other origin is no report."""
    mixed.uns["gptca"] = {"report": "{}"}
    with pytest.raises(ReportError):
        gca.tl.split(mixed, "9")
