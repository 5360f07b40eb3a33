"""Moments of matrices in Dask's chunks: those of the same matrix in memory."""

from __future__ import annotations

import tracemalloc

import anndata
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import gca_scanpy as gca
from gca_scanpy._adata import matrix as matrix_module
from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.genes import read_genes
from gca_scanpy._adata.matrix import Matrix, OnDisk, first_chunk, in_larger_parts, is_chunked
from gca_scanpy._ranking import gather as gather_module
from gca_scanpy._ranking import sums
from gca_scanpy._ranking.gather import gather, gather_chunked, gather_on_disk
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, RankingWarning, RawCountsWarning

array = pytest.importorskip("dask.array")
cloudpickle = pytest.importorskip("cloudpickle")
IDS = ("a", "b", "c")


def chunked(values, rows, columns, form):
    """A Dask array of these values; sparse chunks are of scipy."""
    whole = array.from_array(values, chunks=(rows, columns))
    return whole if form is None else whole.map_blocks(form, dtype=values.dtype, meta=form((0, 0), dtype=values.dtype))


def same(found, expected):
    """Whether two moments are alike, but for the rounding of means."""
    for name in ("cells", "expressing"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for name in ("means", "deviations", "lowest"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-12)


@given(
    form=st.sampled_from([None, sparse.csr_matrix, sparse.csc_matrix]),
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 30),
    columns=st.integers(1, 7),
    counts=st.booleans(),
    without=st.sampled_from([0.0, 0.3, 0.9]),
)
def test_any_chunks(form, seed, rows, columns, counts, without):
    """Cells and genes may be divided in any way, with counts and cells without a cluster: the moments are the same."""
    rng = np.random.default_rng(seed)
    values = rng.poisson(0.7, (24, 6)).astype(np.float64)  # up to 144 chunks, each of which costs a task of Dask's
    values = values if counts else np.log1p(values)
    codes = np.where(rng.random(24) < without, -1, rng.integers(0, 3, 24)).astype(np.intp)
    clustering = Clustering("g", IDS, codes, IDS)
    found = gather_chunked(chunked(values, rows, columns, form), clustering, linear=counts)
    same(found, gather(values, clustering, linear=counts))


def test_each_chunk_is_read_once():
    """No chunk is computed twice, and the first alone tells what the values are."""
    read = []

    def block(block_info=None):
        read.append(block_info[None]["chunk-location"])
        return np.ones((10, 5))

    matrix = array.map_blocks(block, chunks=((10,) * 6, (5,)), dtype=float, meta=np.empty((0, 0)))
    assert is_chunked(matrix)
    assert first_chunk(matrix).shape == (10, 5)
    assert read == [(0, 0)]
    read.clear()
    found = gather_chunked(matrix, Clustering("g", IDS, np.zeros(60, dtype=np.intp), IDS))
    assert sorted(read) == [(i, 0) for i in range(6)]
    assert found.cells[0] == 60
    assert found.means[0].tolist() == [1.0] * 5


def test_the_order_is_always_the_same():
    """Two runs, and runs on other schedulers, give the same bytes."""
    import dask

    rng = np.random.default_rng(3)
    matrix = chunked(rng.random((400, 9)), 7, 9, None)
    clustering = Clustering("g", IDS, rng.integers(0, 3, 400).astype(np.intp), IDS)
    found = []
    for scheduler in ("synchronous", "threads", "threads"):
        with dask.config.set(scheduler=scheduler):
            found.append(gather_chunked(matrix, clustering))
    assert len({moments.deviations.tobytes() for moments in found}) == 1


@pytest.mark.parametrize("columns", [-1, 10])
def test_counts_are_ranked_as_in_memory(cells, rank, columns):
    """Counts in chunks are seen, said, and normalized by their cells' totals, however the genes are divided."""
    with pytest.warns(RawCountsWarning):
        expected = rank(cells, layer="counts")
    cells.layers["chunked"] = chunked(cells.layers["counts"].toarray(), 50, columns, sparse.csr_matrix)
    with pytest.warns(RawCountsWarning):
        assert rank(cells, layer="chunked") == expected


@pytest.mark.parametrize("layer", ["log", "counts"])
@pytest.mark.parametrize("columns", [-1, 10])
def test_missing_values_are_said_as_in_memory(cells, rank, layer, columns):
    """NaN in some chunks: the ranking and the warning are those of the matrix in memory."""
    values = (cells.X if layer == "log" else cells.layers["counts"]).toarray()
    values[60:, 3] = np.nan
    cells.layers["memory"] = values
    cells.layers["chunked"] = array.from_array(values, chunks=(50, columns))
    with pytest.warns(RankingWarning) as expected:
        memory = rank(cells, layer="memory")
    with pytest.warns(RankingWarning) as caught:
        assert rank(cells, layer="chunked") == memory
    assert [str(w.message) for w in caught] == [str(w.message) for w in expected]
    assert str(caught[0].message).startswith("60 values of the matrix are NaN or infinite, in 1 of 68 genes")


@pytest.mark.parametrize("method", ["wilcoxon", "logreg", "t-test_overestim_var"])
def test_methods_that_need_all_of_it(cells, rank, method):
    """What Scanpy cannot rank in chunks is an error that says what to do."""
    cells.layers["chunked"] = array.from_array(cells.X.toarray(), chunks=(50, -1))
    with pytest.raises(InputError, match=rf"method='{method}' needs the matrix in memory.*t-test.*to_memory"):
        rank(cells, layer="chunked", method=method)


def test_beside_a_stored_ranking(cells, rank):
    """Where the user has ranked already, the expression of chunks is heard as that of a matrix in memory is."""
    import scanpy as sc

    from gca_scanpy._adata import read_clustering
    from gca_scanpy._ranking.read import read_markers
    from gca_scanpy._steps import Ranking

    sc.tl.rank_genes_groups(cells, "cluster", method="wilcoxon", use_raw=False)
    lazy = anndata.AnnData(chunked(cells.X.toarray(), 17, -1, None), obs=cells.obs, var=cells.var, uns=cells.uns)
    options = Ranking(n_markers=12)
    found = [read_markers(adata, read_clustering(adata, "cluster"), options).clusters for adata in (cells, lazy)]
    assert found[0] == found[1]
    assert all(cluster.present and cluster.absent for cluster in found[1])


def test_chunks_with_many_clusters():
    """Chunks with few cells of each of many clusters are added up together: the same moments, each chunk read once."""
    rng, read = np.random.default_rng(5), []
    values = np.log1p(rng.poisson(0.7, (300, 6))).astype(np.float64)

    def block(block_info=None):
        place = block_info[None]["chunk-location"][0]
        read.append(place)
        return values[10 * place : 10 * place + 10]

    matrix = array.map_blocks(block, chunks=((10,) * 30, (6,)), dtype=float, meta=np.empty((0, 0)))
    ids = tuple(map(str, range(40)))
    clustering = Clustering("g", ids, rng.integers(-1, 40, 300).astype(np.intp), ids)
    same(gather_chunked(matrix, clustering), gather(values, clustering))
    assert sorted(read) == list(range(30))


class Simulated:
    """A CSR matrix that is on no disk and in no memory: every part of it is made when it is read."""

    format, dtype = "csr", np.dtype(np.float32)

    def __init__(self, n_cells, interrupted_after=10**9):
        self.shape, self.read, self.interrupted_after = (n_cells, 40), [], interrupted_after

    def __getitem__(self, index):
        if isinstance(index[0], slice):  # single cells are read to see what the values are
            self.read.append(index[0])
        if len(self.read) > self.interrupted_after:
            raise KeyboardInterrupt
        rows = np.arange(self.shape[0])[index[0]]
        columns = (rows[:, np.newaxis] * 7 + np.arange(0, 40, 5)) % 40
        values = np.log1p(rows[:, np.newaxis] % 5 + columns).astype(np.float32)
        indptr = np.arange(len(rows) + 1) * 8
        return sparse.csr_matrix((values.ravel(), columns.ravel().astype(np.int32), indptr), (len(rows), 40))

    def to_memory(self):
        """Nothing asks for all of it."""
        raise AssertionError


def thirds(n_cells):
    """A third of the cells in each of three clusters."""
    return Clustering("g", IDS, np.arange(n_cells) % 3, IDS)


@pytest.mark.parametrize("large", [0, 10**9])
@pytest.mark.parametrize("columns", [None, np.array([1, 5, 30])])
@pytest.mark.parametrize("linear", [False, True])
def test_a_file_is_read_once_in_parts(large, columns, linear, monkeypatch):
    """A matrix on disk has the moments of the same matrix in memory; each of its cells is read once."""
    monkeypatch.setattr(sums, "LARGE", large)
    monkeypatch.setattr(gather_module, "READ", 4_000)
    values = Simulated(1050)
    matrix, clustering = OnDisk(values, columns), thirds(1050)
    found = gather_on_disk(matrix, clustering, linear=linear)
    assert [(part.start, part.stop) for part in values.read] == [(i, min(i + 100, 1050)) for i in range(0, 1050, 100)]
    same(found, gather(matrix.to_memory(), clustering, linear=linear))


def test_ten_times_the_cells_need_no_more_memory(monkeypatch):
    """What is in memory at a time depends on the parts, not on the number of cells."""
    monkeypatch.setattr(gather_module, "READ", 40_000)
    monkeypatch.setattr(gather_module, "n_threads", lambda: 1)
    peaks = []
    for n_cells in (1_000, 3_000, 30_000):  # the first warms up
        matrix, clustering = OnDisk(Simulated(n_cells)), thirds(n_cells)
        tracemalloc.start()
        gather_on_disk(matrix, clustering)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] - 8 * 30_000 < 1.2 * peaks[1]  # a number for each cell


@pytest.mark.skipif(not hasattr(anndata.experimental, "read_lazy"), reason="this anndata does not read lazily")
def test_zarr_is_read_in_larger_parts(tmp_path, monkeypatch):
    """Several of AnnData's chunks are read at once, with the same values; what was computed from them is left alone."""
    monkeypatch.setattr(matrix_module, "READ", 12_000)
    values = Simulated(2_500)[:, :]
    kinds = ["Gene Expression"] * 39 + ["Antibody Capture"]
    var = pd.DataFrame({"feature_types": kinds}, index=[f"g{number}" for number in range(40)])
    anndata.AnnData(values, var=var).write_zarr(tmp_path / "cells.zarr")
    lazy = anndata.experimental.read_lazy(tmp_path / "cells.zarr")
    assert lazy.X.chunks[0] == (1_000, 1_000, 500)
    parts = in_larger_parts(lazy.X)
    assert parts.chunks == ((1_500, 1_000), (40,))
    assert (cloudpickle.loads(cloudpickle.dumps(parts)).compute() != values).nnz == 0  # as Dask's workers get them
    for other in (lazy.X[5:], lazy.X * 2, parts):
        assert in_larger_parts(other) is other
    matrix = Matrix.read(lazy, None, None, read_genes(lazy, None, None, None, _bundled.gene_names()))
    assert matrix.data.chunks == ((1_500, 1_000), (39,))
    assert (matrix.data.compute() != values[:, :39]).nnz == 0


@pytest.mark.parametrize("form", ["file", "dask"])
def test_ctrl_c_leaves_the_cells_unchanged(cells, content, form, monkeypatch):
    """Ctrl-C between two parts ends the run: few more are read, and nothing is written."""
    monkeypatch.setattr(gather_module, "READ", 200)
    values = Simulated(cells.n_obs, interrupted_after=3)
    lazy = cells.copy()
    before = content(lazy)
    if form == "file":
        matrix = OnDisk(values)
    else:
        matrix = array.map_blocks(
            lambda block_info=None: values[slice(*block_info[None]["array-location"][0]), :].toarray(),
            chunks=((5,) * (cells.n_obs // 5), (40,)), dtype=float, meta=np.empty((0, 0)),
        )  # fmt: skip
    monkeypatch.setattr(Matrix, "read", lambda *_: Matrix(matrix, list(map(str, range(40))), "other"))
    with pytest.raises(KeyboardInterrupt):
        gca.tl.annotate(lazy, "cluster")
    assert len(values.read) < 10
    assert content(lazy) == before


@pytest.mark.parametrize("chunked_too", [False, True])
def test_a_bar_counts_the_parts(chunked_too, monkeypatch):
    """On a terminal, a progress bar counts the parts that were read."""
    counted = []

    class Bar:
        def __init__(self, **options):
            counted.append(options["total"])

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, n=1):
            counted.append(n)

    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    monkeypatch.setattr(gather_module, "READ", 4_000)
    if chunked_too:
        gather_chunked(chunked(np.ones((500, 4)), 100, 4, None), thirds(500))
    else:
        gather_on_disk(OnDisk(Simulated(500)), thirds(500))
    assert counted[0] == sum(counted[1:]) > 1
