"""A few genes of a few cells are read from every kind of matrix, and nothing else is."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
from scipy import sparse

from gca_scanpy._adata import clusters, matrix, read_clustering
from gca_scanpy._adata.clusters import Expression
from gca_scanpy._scoring import numbers
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError

CELLS, GENES = np.array([0, 7, 31, 64, 119]), ["TRAC", "CD19", "LYZ"]
KINDS = {
    "csr": sparse.csr_matrix,
    "csc": sparse.csc_matrix,
    "coo": sparse.coo_matrix,
    "csr array": sparse.csr_array,
    "dense": lambda x: x.toarray(),
}


def _of(adata, **parameters):
    return Expression.of_run(adata, read_clustering(adata, "cluster"), parameters, _bundled.gene_names())


def _expected(adata):
    return adata[CELLS, GENES].X.toarray()


@pytest.mark.parametrize("kind", KINDS)
def test_every_matrix_gives_the_same_values(cells, kind, monkeypatch):
    """The values, the clusters of the cells, and that they are logarithms; a few cells are copied at a time."""
    monkeypatch.setattr(matrix, "COPIED", 2)
    expected = _expected(cells)
    cells.layers["other"] = KINDS[kind](cells.X) if kind != "coo" else cells.X
    if kind == "coo":
        cells = ad.AnnData(obs=cells.obs, var=cells.var, layers={"other": KINDS[kind](cells.X).tocsr()})
    sample = _of(cells, layer="other")
    assert sample.available([*GENES, "no gene", "TRAC"]) == GENES
    found = sample.read(CELLS, GENES)
    assert np.array_equal(found.values, expected)
    assert (found.clusters.tolist(), found.logged) == ([0, 0, 1, 2, 3], True)


@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
def test_a_file_on_disk_is_read_by_blocks(cells, kind, tmp_path, monkeypatch):
    """Of a backed object only the cells are read, a block at a time, with the values of the object in memory."""
    expected = _expected(cells)
    cells.X = KINDS[kind](cells.X)
    cells.write_h5ad(tmp_path / "cells.h5ad")
    backed, blocks, rows = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r"), [], matrix._chosen
    monkeypatch.setattr(matrix, "CELLS", 2)
    monkeypatch.setattr(matrix, "_chosen", lambda matrix, part: blocks.append(len(part)) or rows(matrix, part))
    sample = _of(backed)
    assert sample.available(GENES) == GENES
    found = sample.read(CELLS, GENES)
    assert np.array_equal(found.values, expected)
    assert (blocks, found.logged) == ([2, 2, 1], True)


def test_a_chunked_matrix(cells):
    """Of a Dask array the values are those in memory."""
    array = pytest.importorskip("dask.array")
    expected = _expected(cells)
    cells.X = array.from_array(cells.X.toarray(), chunks=(50, 20))
    sample = _of(cells)
    assert sample.available(GENES) == GENES
    assert np.array_equal(sample.read(CELLS, GENES).values, expected)


@pytest.mark.parametrize("kind", ["memory", "backed", "chunked"])
def test_the_cells_of_a_sample_are_read_once(cells, kind, tmp_path, monkeypatch):
    """Some cells of each cluster, for one pair of genes after another; those in memory are not copied."""
    codes, n_read, read = read_clustering(cells, "cluster").subsampled(10).codes, [], clusters.read_cells
    expected = cells[codes >= 0, GENES].to_df()
    if kind == "backed":
        cells.write_h5ad(tmp_path / "cells.h5ad")
        cells = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    elif kind == "chunked":
        cells.X = pytest.importorskip("dask.array").from_array(cells.X.toarray(), chunks=(50, 20))
    sample = _of(cells)
    monkeypatch.setattr(clusters, "read_cells", lambda *what: n_read.append(1) or read(*what))
    assert sample.available(GENES) == GENES
    with numbers.override(sampled_cells=10):
        for genes in (GENES, GENES[:1], GENES[1:]):
            found = sample.sample(genes)
            assert np.array_equal(found.values, expected[genes])
            assert found.clusters.tolist() == codes[codes >= 0].tolist()
    assert len(n_read) == (3 if kind == "memory" else 1)


def test_the_matrix_of_the_run(cells):
    """The layer or .raw that was ranked is read as far as it is still there; counts are known as counts."""
    raw = cells.copy()
    raw.raw = cells
    raw.X = raw.X * 0
    for adata, parameters, logged in (
        (cells, {"layer": "counts"}, False),
        (raw, {"use_raw": "True"}, True),
        (raw, {}, True),
        (cells, {"use_raw": "True", "layer": "gone", "gene_symbols": "gone"}, True),
    ):
        sample = _of(adata, **parameters)
        sample.available(GENES)
        found = sample.read(CELLS, GENES)
        assert (found.logged, found.values.any()) == (logged, True)


def test_missing_values_count_as_zero(cells):
    """NaN and infinite values are not expression."""
    cells.X = cells.X.toarray()
    cells.X[0, :] = np.nan
    cells.X[7, :] = np.inf
    sample = _of(cells)
    sample.available(GENES)
    assert not sample.read(CELLS, GENES).values[:2].any()


def test_no_matrix_and_no_numbers(cells):
    """Without a matrix there is nothing; what is not a number is refused as elsewhere."""
    empty = ad.AnnData(obs=cells.obs, var=cells.var)
    sample = _of(empty)
    assert sample.available(GENES) == GENES
    assert sample.read(CELLS, GENES) is None
    cells.layers["text"] = cells.X.toarray().astype(str)
    with pytest.raises(InputError, match="not numbers"):
        _of(cells, layer="text").read(CELLS, [])
