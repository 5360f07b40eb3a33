"""The cells in two dimensions, with their clusters in a report."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import gca_scanpy as gca
from gca_scanpy._adata import read_embedding
from gca_scanpy.errors import InputError, MissingKeyError


@pytest.fixture
def annotated(cells):
    """Cells of which the first has no cluster, and those of cluster 3 were not asked for."""
    cells.obs["cluster"] = cells.obs["cluster"].astype(object)
    cells.obs.loc["cell0", "cluster"] = None
    gca.tl.annotate(cells, "cluster", groups=["0", "1", "2"])
    cells.obsm["X_umap"] = np.arange(3.0 * cells.n_obs).reshape(-1, 3)
    return cells


def _read(adata, basis=None):
    return read_embedding(adata, gca.get.report(adata), "gptca", basis)


def test_places_and_clusters(annotated):
    """The first two columns are the places; a cell without a reported cluster has -1."""
    found = _read(annotated)
    assert found.name == "X_umap"
    assert np.array_equal(found.places, annotated.obsm["X_umap"][:, :2])
    assert found.codes.tolist() == [-1] + [0] * 29 + [1] * 30 + [2] * 30 + [-1] * 30
    part = _read(annotated[25:65])
    assert part.codes.tolist() == [0] * 5 + [1] * 30 + [2] * 5


def test_which_one(annotated):
    """The usual ones come before others, UMAP first; others must be named, unless they have two columns."""
    annotated.obsm["X_pca"] = annotated.obsm["X_umap"]
    annotated.obsm["X_other"] = annotated.obsm["X_umap"]
    annotated.obsm["spatial"] = annotated.obsm["X_umap"]
    assert [_read(annotated, basis).name for basis in (None, "pca", "X_other", "spatial")] == [
        "X_umap",
        "X_pca",
        "X_other",
        "spatial",
    ]
    del annotated.obsm["X_umap"]
    assert _read(annotated).name == "X_pca"
    del annotated.obsm["X_pca"]
    found = _read(annotated)
    assert found.name == "spatial"
    assert np.array_equal(found.places, annotated.obsm["spatial"][:, :2] * (1, -1))  # images count from the top
    del annotated.obsm["spatial"]
    assert _read(annotated) is None
    annotated.obsm["X_umap_by_donor"] = annotated.obsm["X_other"][:, :2]
    assert _read(annotated).name == "X_umap_by_donor"


@pytest.mark.parametrize("form", [sparse.csr_matrix, pd.DataFrame, np.float16])
def test_forms_of_an_embedding(annotated, form):
    """A sparse matrix, a table and small floats are read as well."""
    values = np.arange(2.0 * annotated.n_obs).reshape(-1, 2)
    made = pd.DataFrame(values, index=annotated.obs_names) if form is pd.DataFrame else form(values)
    annotated.obsm["X_umap"] = made
    found = _read(annotated)
    assert found.places.dtype == np.float64
    assert np.array_equal(found.places, values)


def test_what_is_none(annotated):
    """One column, a name that is not there, and labels that are gone are errors that say what there is."""
    annotated.obsm["X_line"] = annotated.obsm["X_umap"][:, :1]
    with pytest.raises(InputError, match=r"has the shape \(120, 1\)"):
        _read(annotated, "line")
    with pytest.raises(MissingKeyError, match=r"no embedding 'tsne'; \.obsm has: X_umap, X_line"):
        _read(annotated, "tsne")
    report = gca.get.report(annotated)
    del annotated.obs["gptca_label"]
    with pytest.raises(MissingKeyError, match="gptca_label"):
        read_embedding(annotated, report, "gptca")
