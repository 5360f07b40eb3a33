"""Moments of clusters, against numpy, and Welch's test from them, against Scanpy and scipy."""

from __future__ import annotations

import os
import sys
import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, stats

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._ranking import gather as module
from gca_scanpy._ranking import moments as moments_module
from gca_scanpy._ranking import sums
from gca_scanpy._ranking.gather import gather
from gca_scanpy._ranking.moments import compare, higher, higher_in_each

FORMATS = {
    "dense": lambda x: x,
    "csr": sparse.csr_matrix,
    "csc": sparse.csc_matrix,
    "coo": sparse.coo_matrix,
    "fortran": np.asfortranarray,
}


def data(seed=0, n_cells=90, n_genes=40, n_clusters=3):
    """Log-normalized values with many zeros, cells without a cluster, and the clusters."""
    rng = np.random.default_rng(seed)
    values = np.log1p(rng.poisson(rng.gamma(0.6, 2.0, n_genes), (n_cells, n_genes))).astype(np.float32)
    codes = rng.integers(-1, n_clusters, n_cells)
    codes[: 2 * n_clusters] = np.repeat(np.arange(n_clusters), 2)
    values[codes == 0, :5] += 1.5
    ids = tuple(f"c{i}" for i in range(n_clusters))
    return values, Clustering("g", ids, codes.astype(np.intp), ids)


def shares(found):
    """The shares of the cells that express each gene."""
    return found.expressing / np.maximum(found.measured, 1)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("chunk", [1, 7, 150, 10**6])
def test_moments_are_numpys(form, chunk, monkeypatch):
    """Any format and any size of the chunks gives the means, deviations and counts that numpy gives."""
    monkeypatch.setattr(module, "PART", chunk)
    monkeypatch.setattr(sums, "BLOCK", max(1, chunk // 3))
    values, clustering = data()
    found = gather(FORMATS[form](values), clustering)
    for code in range(3):
        own = values[clustering.codes == code].astype(float)
        assert found.cells[code] == len(own)
        np.testing.assert_allclose(found.means[code], own.mean(axis=0))
        np.testing.assert_allclose(found.deviations[code], ((own - own.mean(axis=0)) ** 2).sum(axis=0))
        np.testing.assert_array_equal(shares(found)[code], (own != 0).mean(axis=0))


@pytest.mark.parametrize("form", FORMATS)
def test_counts_are_normalized_as_scanpy_does(form):
    """Raw counts, of any integer type, give the moments of what Scanpy's normalize_total and log1p make of them."""
    rng = np.random.default_rng(1)
    counts = rng.poisson(1.0, (60, 30))
    counts[3] = 0  # a cell without counts
    clustering = data(n_cells=60, n_genes=30)[1]
    own = anndata.AnnData(counts.astype(np.float64))
    sc.pp.normalize_total(own, target_sum=1e4)
    sc.pp.log1p(own)
    found = gather(FORMATS[form](counts), clustering, linear=True)
    expected = gather(own.X, clustering)
    np.testing.assert_allclose(found.means, expected.means)
    np.testing.assert_allclose(found.deviations, expected.deviations)
    np.testing.assert_array_equal(found.expressing, expected.expressing)


def test_the_matrix_is_only_read():
    """Stored zeros stay and do not count as expression; unsorted indices are no matter."""
    values, clustering = data()
    matrix = sparse.csr_matrix(values)
    matrix.data[::5] = 0
    matrix.indices[matrix.indptr[0] : matrix.indptr[1]] = matrix.indices[matrix.indptr[0] : matrix.indptr[1]][::-1]
    before = [part.copy() for part in (matrix.data, matrix.indices, matrix.indptr)]
    found = gather(matrix, clustering)
    np.testing.assert_array_equal(found.expressing, gather(matrix.toarray(), clustering).expressing)
    assert all(np.array_equal(a, b) for a, b in zip(before, (matrix.data, matrix.indices, matrix.indptr)))


@pytest.mark.parametrize("form", ["dense", "csr", "csc"])
def test_the_lowest_value(form):
    """Scaled data is known by its negative values."""
    values, clustering = data()
    assert gather(FORMATS[form](values), clustering).lowest == 0
    values[5, 7] = -2.5
    assert gather(FORMATS[form](values), clustering).lowest == -2.5


@pytest.mark.parametrize("seed", range(3))
def test_the_t_test_is_scanpys(seed):
    """Scores, fold changes and p-values equal those of rank_genes_groups(method="t-test") to 1e-6."""
    values, clustering = data(seed)
    named = clustering.codes >= 0
    own = anndata.AnnData(values[named].astype(np.float64))  # Scanpy keeps means in the precision of the values
    own.obs["g"] = pd.Categorical.from_codes(clustering.codes[named], categories=list(clustering.all_ids))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.tl.rank_genes_groups(own, "g", method="t-test")
    found = gather(sparse.csr_matrix(values), clustering)
    for code, key in enumerate(clustering.all_ids):
        table = sc.get.rank_genes_groups_df(own, key).set_index("names").loc[own.var_names]
        test = compare(found, code)
        np.testing.assert_allclose(test.scores, table["scores"], rtol=1e-6, atol=1e-6)
        finite = np.flatnonzero(np.isfinite(table["logfoldchanges"]))
        folds = table["logfoldchanges"].iloc[finite]
        np.testing.assert_allclose(test.fold_changes(finite), folds, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(test.p_values(np.arange(40)), table["pvals"], rtol=1e-6, atol=1e-12)


@given(st.integers(0, 10**6))
def test_the_t_test_is_scipys(seed):
    """The statistic and the p-value are those of scipy's test on the values themselves."""
    values, clustering = data(seed, n_genes=8)
    own, rest = values[clustering.codes == 1].astype(float), values[np.isin(clustering.codes, (0, 2))].astype(float)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = stats.ttest_ind(own, rest, equal_var=False)
    test = compare(gather(values, clustering), 1)
    varies = (own.std(axis=0) > 0) | (rest.std(axis=0) > 0)
    np.testing.assert_allclose(test.scores[varies], expected.statistic[varies], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(test.p_values(np.flatnonzero(varies)), expected.pvalue[varies], rtol=1e-6, atol=1e-12)


def test_genes_that_do_not_vary():
    """A gene that no cell has, or all alike, has no statistic: score 0 and p-value 1 where the means are equal."""
    values, clustering = data()
    values[:, 0], values[:, 1] = 0.0, 2.0
    test = compare(gather(values, clustering), 0)
    assert test.scores[:2].tolist() == [0, 0]
    assert test.p_values(np.array([0, 1])).tolist() == [1, 1]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("chunk", [7, 10**6])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_missing_values_are_not_measured(form, chunk, value, monkeypatch):
    """A gene with NaN in some cells has the moments and the test of the other cells; other genes are as before."""
    monkeypatch.setattr(module, "PART", chunk)
    monkeypatch.setattr(sums, "BLOCK", max(1, chunk // 3))
    values, clustering = data()
    missing = np.zeros(values.shape, dtype=bool)
    missing[::3, 3], missing[clustering.codes == 1, 4], missing[1:, 5] = True, True, True
    values[missing] = value
    found = gather(FORMATS[form](values), clustering)
    values[missing] = np.nan
    test = compare(found, 0)
    for gene in (0, 3, 4):
        own, rest = (
            part[np.isfinite(part)].astype(float)
            for part in (values[clustering.codes == 0, gene], values[clustering.codes > 0, gene])
        )
        expected = stats.ttest_ind(own, rest, equal_var=False)
        np.testing.assert_allclose(test.scores[gene], expected.statistic)
        np.testing.assert_allclose(test.p_values(np.array([gene])), [expected.pvalue])
        np.testing.assert_allclose(shares(found)[0, gene], (own != 0).mean())
    assert found.measured[1, 4] == 0
    assert test.scores[5] == 0
    assert found.infinite == (0 if np.isnan(value) else missing[clustering.codes >= 0].sum())


def test_counts_with_missing_values():
    """The total of a cell is that of its finite counts."""
    values, clustering = data()
    counts = np.rint(np.expm1(values)).astype(np.float64)
    counts[3, 7] = np.nan
    found = gather(counts, clustering, linear=True)
    counts[3, 7] = 0
    np.testing.assert_allclose(
        found.measured * found.means, gather(counts, clustering, linear=True).means * found.cells[:, np.newaxis]
    )


@pytest.mark.parametrize("at_once", [1, 7, 40])
@pytest.mark.parametrize("n_genes", [5, 100])
def test_all_clusters_at_once(at_once, n_genes, monkeypatch):
    """Whether the other cells are merged for few genes at a time or for all, each cluster has the same genes."""
    values, clustering = data()
    values[3, 7] = np.nan
    found = gather(values, clustering)
    expected = [higher(found, row, n_genes) for row in (0, 2)]
    monkeypatch.setattr(moments_module, "AT_ONCE", at_once)
    for genes, alone in zip(higher_in_each(found, [0, 2], n_genes), expected):
        np.testing.assert_array_equal(genes, alone)
    assert higher_in_each(found, [], n_genes) == []


def test_numba_threads_without_numba(monkeypatch):
    """``NUMBA_NUM_THREADS`` counts whether or not the program has imported Numba; what is no number does not."""
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    found = []
    for asked in ("3", "", "0", "all"):
        monkeypatch.setenv("NUMBA_NUM_THREADS", asked)
        found.append(module.n_threads())
    assert found == [3, *[os.cpu_count()] * 3]
