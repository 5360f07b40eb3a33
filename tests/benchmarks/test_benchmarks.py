"""The scripts of ``benchmarks/`` at a small size: the cells are as described, and so are the measurements."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import anndata
import numpy as np
import pytest

import gca_scanpy as gca

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder benchmarks is missing")


@pytest.fixture
def script(monkeypatch):
    """Import a script of the folder by its name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


@pytest.fixture
def tissue(script):
    """A tissue of 2,000 genes."""
    return script("synthetic").tissue(n_genes=2_000)


def test_the_same_cells_again(script, tissue):
    """The same seed gives the same cells, and a small object is the beginning of a large one."""
    synthetic = script("synthetic")
    small, large = (synthetic.cells(n, tissue) for n in (700, 1_300))
    assert (large.X[:700] != small.X).nnz == 0
    assert small.obs["cluster"].tolist() == large.obs["cluster"].tolist()[:700]
    other = synthetic.cells(700, synthetic.tissue(n_genes=2_000, seed=1))
    assert (small.X != other.X).nnz > 0


def test_the_cells_are_sparse(script):
    """A cell has about 6 % of 20,000 genes, a few genes are in most cells, and depth differs by cell."""
    cells = script("synthetic").cells(1_000)
    by_cell, by_gene = np.diff(cells.X.indptr), np.bincount(cells.X.indices, minlength=cells.n_vars)
    assert cells.n_vars == 20_000
    assert 1_100 < by_cell.mean() < 1_300
    assert by_cell.max() > 2 * by_cell.min()
    assert (by_gene > 800).sum() > 50
    assert np.median(by_gene) < 50
    np.testing.assert_allclose(np.expm1(cells.X.astype(float)).sum(axis=1), 1e4, rtol=1e-3)


def test_planted_types_are_found(script):
    """Nine in ten clusters get the broad type that was planted."""
    synthetic = script("synthetic")
    cells = synthetic.cells(2_000)
    assert cells.obs["cluster"].nunique() == 25
    gca.tl.annotate(cells, "cluster")
    planted = cells.obs.groupby("cluster", observed=True)["planted"].first()
    right = [c.broad_label == planted[c.cluster_id] for c in gca.get.report(cells).clusters]
    assert sum(right) >= 23


def test_memory_and_the_comparison(script, tmp_path):
    """A step of the comparison runs and gets a ratio to the t-test, and ``annotate`` does not copy the matrix."""
    measure, compare, synthetic = script("measure"), script("compare"), script("synthetic")
    path = tmp_path / "cells.h5ad"
    synthetic.cells(6_000, synthetic.tissue(n_genes=20_000)).write_h5ad(path)
    results = compare.compare(path, ["annotate"], runs=1)
    # The database, the index and the tables take 90 MB for any number of cells; a copy of the matrix would take 58.
    grown = results["annotate"]["loaded"] * (results["annotate"]["memory"] - 1)
    assert grown < 120, results
    text = compare.shown({"t-test": results["annotate"], **results, "wilcoxon": {"error": "it is not installed"}})
    assert "from clusters to report" in text
    assert "did not run" in text
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- x -->\nold\n<!-- end of x -->\nafter\n", encoding="utf-8")
    measure.write("x", text, page)
    assert page.read_text(encoding="utf-8") == f"before\n<!-- x -->\n{text}<!-- end of x -->\nafter\n"
    with pytest.raises(ValueError, match="no marks"):
        measure.write("y", text, page)


@pytest.mark.skipif(not hasattr(anndata.experimental, "read_lazy"), reason="this anndata does not read lazily")
def test_cells_on_disk(script, tissue, tmp_path):
    """A store written block by block equals the cells in memory; a worker gives the report of one process."""
    large, synthetic = script("large"), script("synthetic")
    pytest.importorskip("distributed")
    path = large.store(tmp_path, 2_500, 2_000)
    stored = anndata.read_zarr(path)
    expected = synthetic.cells(2_500, tissue)
    assert (stored.X != expected.X).nnz == 0
    assert stored.obs["planted"].tolist() == expected.obs["planted"].tolist()
    results = [large.one(path, workers) for workers in (0, 1)]  # tests/tl has two
    assert results[0]["clusters"] == results[1]["clusters"]
    assert results[0]["right"] >= 20  # with a tenth of the genes
    gca.tl.annotate(expected, "cluster")
    assert results[0]["clusters"] == json.loads(json.dumps(gca._codec.to_dict(gca.get.report(expected))["clusters"]))


def test_a_second_run_sends_nothing(script):
    """The first run sends a request for each of 12 clusters, and the second run sends none."""
    result = script("cached").run(12, 0.0, chunk_size=1, n_threads=1)
    assert (result["asked"], result["asked_again"]) == (12, 0)


def test_pages_of_the_docs_have_the_marks():
    """docs/performance.md has the marks of each script once."""
    page = FOLDER.parent / "docs" / "performance.md"
    text = page.read_text(encoding="utf-8")
    for name in ("compare", "large", "cached"):
        assert text.count(f"<!-- {name} -->\n") == text.count(f"<!-- end of {name} -->") == 1


def test_the_folder_is_not_imported_by_the_package():
    """The installed package does not use the benchmarks."""
    assert not any("benchmarks" in path.read_text(encoding="utf-8") for path in Path(gca.__path__[0]).rglob("*.py"))
    assert str(FOLDER) not in sys.path


def test_samples_are_compared(script, tissue, monkeypatch):
    """The cells have two columns of samples, and runs with and without samples are timed, in chunks as in memory."""
    pytest.importorskip("dask.array")
    samples = script("samples")
    monkeypatch.setattr(samples.synthetic, "cells", lambda n, make=samples.synthetic.cells: make(n, tissue))
    cells = samples.cells_of(1_200, 3)
    assert cells.obs["in order"].is_monotonic_increasing
    assert cells.obs["mixed"].nunique() == 3
    for data in (cells, samples.chunked(cells)):
        assert all(seconds > 0 for seconds in samples.compare(data, "mixed", 1))
        assert all(cluster.samples for cluster in gca.get.report(data).clusters)
