"""The cells as the page draws them."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gca_scanpy._adata.members import Embedding
from gca_scanpy._page import cells as page_cells
from gca_scanpy._page.cells import view_of_cells


def _points(view):
    return np.frombuffer(base64.b64decode(view.points), "<u2").reshape(-1, 2).astype(int)


def test_where_cells_are():
    """Cells come by cluster, those without one last; the longer side has all steps, and both have one unit."""
    places = np.array([[0.0, 0.0], [4.0, 2.0], [2.0, 1.0], [1.0, 2.0]])
    view = view_of_cells(Embedding("X_umap", places, np.array([1, 0, -1, 1])), 3)
    assert (view.name, view.total, view.drawn, view.counts) == ("UMAP", 4, 4, (1, 2, 0, 1))
    assert _points(view).tolist() == [[65535, 32768], [0, 0], [16384, 32768], [32768, 16384]]
    assert view.whereabouts == ("top right", "middle left", "")


def test_cells_without_a_place():
    """A cell whose coordinates are no numbers is not drawn; nor is there a picture of none."""
    places = np.array([[np.nan, 0.0], [1.0, np.inf], [1.0, 2.0]])
    view = view_of_cells(Embedding("X_scVI", places, np.array([0, 0, 0])), 1)
    assert (view.name, view.total, view.counts, _points(view).tolist()) == ("scVI", 3, (1, 0), [[0, 0]])
    nothing = view_of_cells(Embedding("X_pca", places[:2], np.array([0, 0])), 1)
    assert (nothing.drawn, nothing.points, nothing.whereabouts) == (0, "", ("",))


def test_many_cells_are_thinned_evenly(monkeypatch):
    """Of too many cells every cluster keeps its share, a small one some hundred; they come from all of the dataset."""
    monkeypatch.setattr(page_cells, "MOST", 1000)
    codes = np.repeat([0, 1, -1], [9000, 300, 700])
    places = np.column_stack([np.arange(10_000.0), np.zeros(10_000)])
    view = view_of_cells(Embedding("X_tsne", places, codes), 2)
    assert (view.name, view.total, view.counts) == ("t-SNE", 10_000, (900, 200, 200))
    gaps = np.diff(_points(view)[:900, 0])
    assert gaps.min() == pytest.approx(gaps.max(), abs=1)
    assert view == view_of_cells(Embedding("X_tsne", places, codes), 2)


@given(
    places=arrays(np.float64, (12, 2), elements=st.floats(allow_nan=True, allow_infinity=True)),
    codes=arrays(np.intp, 12, elements=st.integers(-1, 2)),
)
def test_any_coordinates(places, codes):
    """Whatever is in the embedding: each cell with a place is drawn, in its cluster, and left stays left."""
    view = view_of_cells(Embedding("X_umap", places, codes), 3)
    seen = np.isfinite(places).all(axis=1)
    assert view.counts == tuple(int((seen & (codes == code)).sum()) for code in (0, 1, 2, -1))
    points, order = _points(view), np.concatenate([np.flatnonzero(seen & (codes == code)) for code in (0, 1, 2, -1)])
    assert len(points) == len(order)
    for axis in (0, 1):
        ranks = np.argsort(places[order, axis], kind="stable")
        assert (np.diff(points[ranks, axis]) >= 0).all()
