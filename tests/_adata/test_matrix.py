"""What kind of values a matrix has."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse

from gca_scanpy._adata.matrix import kind_of
from gca_scanpy.errors import RawCountsWarning


@pytest.fixture(scope="module")
def counts():
    """Counts of 300 cells and 400 genes, of very different means."""
    rng = np.random.default_rng(0)
    means = rng.gamma(0.3, 3.0, 400)
    return rng.poisson(means * rng.gamma(5, 0.2, (300, 1))).astype(np.float32)


def scaled_to(counts, total):
    """Counts scaled to a total by cell."""
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) * np.float32(total)


def _tpm(counts):
    return scaled_to(counts / np.random.default_rng(1).uniform(0.3, 9, counts.shape[1]), 1e6)


def _size_factors(counts):
    return counts / np.random.default_rng(1).gamma(9, 1 / 9, (len(counts), 1))


def _denoised(counts):
    return counts.mean(axis=0) * np.random.default_rng(1).gamma(9, 1 / 9, counts.shape).astype(np.float32) + 1e-3


LINEAR = {
    "CPM": lambda x: scaled_to(x, 1e6),
    "CP10k": lambda x: scaled_to(x, 1e4),
    "to the median": lambda x: scaled_to(x, np.median(x.sum(axis=1))),
    "TPM": _tpm,
    "size factors": _size_factors,
    "scVI, normalized to 1e4": lambda x: scaled_to(_denoised(x), 1e4),
    "some genes of CP10k": lambda x: scaled_to(x, 1e4)[:, ::3],
    "corrected for ambient RNA": lambda x: np.maximum(x * 1.1 - 0.37, 0) * 40,
}
OTHER = {
    "log1p of CP10k": lambda x: np.log1p(scaled_to(x, 1e4)),
    "log2 of CPM": lambda x: np.log2(scaled_to(x, 1e6) + 1),
    "log1p of counts": np.log1p,
    "log2 of counts": lambda x: np.log2(x + 1),
    "scaled": lambda x: (np.log1p(x) - np.log1p(x).mean(0)) / np.maximum(np.log1p(x).std(0), 1e-3),
    "scaled, not centered": lambda x: np.log1p(x) / np.maximum(np.log1p(x).std(0), 1e-3),
    "Pearson residuals": lambda x: (x - x.mean(0)) / np.sqrt(x.mean(0) + x.mean(0) ** 2 / 100 + 1e-9),
    "arcsinh": lambda x: np.arcsinh(x / 5),
    "arcsinh of CPM": lambda x: np.arcsinh(scaled_to(x, 1e6)),
    "square root of counts": np.sqrt,
    "scVI, normalized to 1": lambda x: scaled_to(_denoised(x), 1),
    "denoised": lambda x: np.log1p(scaled_to(x, 1e4)) @ np.full((400, 400), 1 / 400, dtype=np.float32) + 0.1,
    "yes or no": lambda x: (x > 0).astype(np.float32),
    "one strange value": lambda x: np.where(np.arange(x.size).reshape(x.shape) == 7, 5000, np.log1p(scaled_to(x, 1e4))),
    "rounded": lambda x: np.round(np.log1p(scaled_to(x, 1e4)), 2),
    "zero": np.zeros_like,
}
FORMS = {"dense": np.asarray, "csr": sparse.csr_matrix, "csc": sparse.csc_matrix}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", LINEAR)
def test_values_without_a_logarithm(counts, name, form):
    """CPM, TPM and counts divided by size factors are recognized, also with NaN in some cells."""
    values = LINEAR[name](counts)
    assert kind_of(FORMS[form](values)) == "linear"
    values[::5, ::7] = np.nan
    assert kind_of(FORMS[form](values)) == "linear"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", OTHER)
def test_no_false_alarm(counts, name, form):
    """Logarithms, scaled values, residuals, denoised and other transformed values are ranked as they are."""
    assert kind_of(FORMS[form](OTHER[name](counts).astype(np.float32))) == "other"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [np.int32, np.uint8, np.float32, np.float64])
def test_counts(counts, form, kind):
    """Whole numbers are counts, whatever their type."""
    assert kind_of(FORMS[form](counts.astype(kind))) == "counts"


def test_chunks(counts):
    """Of a Dask array, the first chunk shows the kind."""
    array = pytest.importorskip("dask.array")
    for values, kind in ((counts, "counts"), (scaled_to(counts, 1e6), "linear"), (np.log1p(counts), "other")):
        assert kind_of(array.from_array(values, chunks=(40, 100))) == kind


def test_real_cells(pbmc):
    """The log-normalized .raw and the scaled .X of Scanpy's PBMCs are ranked as they are; undone, they are linear."""
    logged = pbmc.raw.X
    assert (kind_of(logged), kind_of(pbmc.X)) == ("other", "other")
    assert kind_of(logged.expm1()) == "linear"


@pytest.mark.parametrize(
    ("name", "method"),
    [("CPM", "t-test"), ("to the median", "t-test"), ("TPM", "t-test"), ("size factors", "t-test"), ("CPM", "logreg")],
)
def test_they_are_ranked_as_counts_are(cells, rank, is_planted, lineages, content, name, method):
    """Such values are said, logged for the ranking only, and give the planted genes."""
    cells.X = sparse.csr_matrix(LINEAR[name](cells.layers["counts"].toarray()).astype(np.float32))
    before = content(cells)
    with pytest.warns(RawCountsWarning, match="look like CPM, TPM or normalized counts without a logarithm"):
        found, _ = rank(cells, method=method)
    assert all(is_planted(found, str(i), label) for i, label in enumerate(lineages))
    assert content(cells) == before


def test_the_labels_are_those_of_the_counts(pbmc):
    """CPM give the labels that the log-normalized values of the same cells give."""
    import gca_scanpy as gca

    del pbmc.uns["rank_genes_groups"]
    logged = pbmc.raw.to_adata()
    linear = logged.copy()
    linear.X = linear.X.expm1() * 100
    found = []
    for adata in (logged, linear):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RawCountsWarning)
            gca.tl.annotate(adata, "louvain", tissue="blood")
        found.append([c.annotation.proposed_label for c in gca.get.report(adata).clusters])
    assert sum(a != b for a, b in zip(*found)) <= 2
