"""Time each part of a run alone: `pytest benchmarks` (needs pytest-benchmark) or `nox -s bench`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import cached
import synthetic

import gca_scanpy as gca
from gca_scanpy import _codec
from gca_scanpy._adata import read_clustering
from gca_scanpy._ranking.gather import gather, gather_chunked
from gca_scanpy._ranking.moments import compare


@pytest.fixture(scope="module")
def cells():
    """Give 2,000 cells of 20,000 genes in 25 clusters."""
    return synthetic.cells(2_000)


@pytest.mark.parametrize("form", ["csr", "csc", "dense"])
def test_moments(benchmark, cells, form):
    """Sums of a matrix by cluster and gene, in one pass."""
    matrix = cells.X.toarray() if form == "dense" else cells.X.asformat(form)
    moments = benchmark(gather, matrix, read_clustering(cells, synthetic.CLUSTER))
    assert moments.cells.sum() == cells.n_obs


def test_moments_of_chunks(benchmark, cells):
    """The same sums of the chunks of Dask."""
    array = pytest.importorskip("dask.array")
    matrix = array.from_array(cells.X.toarray(), chunks=(500, -1))
    moments = benchmark(gather_chunked, matrix, read_clustering(cells, synthetic.CLUSTER))
    assert moments.cells.sum() == cells.n_obs


def test_welch(benchmark, cells):
    """Welch's t of one cluster from these sums."""
    moments = gather(cells.X, read_clustering(cells, synthetic.CLUSTER))
    assert benchmark(compare, moments, 3).scores.max() > 0


def test_gene_lists(benchmark):
    """A report of 60 gene lists, offline."""
    lists = cached.gene_lists(60)
    assert len(benchmark(gca.annotate_markers, lists).clusters) == 60


def test_annotate(benchmark, cells):
    """A report of clusters of cells, offline."""
    benchmark(gca.tl.annotate, cells, synthetic.CLUSTER)
    assert gca.get.report(cells).clusters


@pytest.mark.parametrize(
    "code",
    [
        "import gca_scanpy",
        "import scanpy",
        "import scanpy, gca_scanpy",
        "from gca_scanpy._cli.main import main; main(['--help'])",
        "from gca_scanpy._cli.main import main; main(['demo'])",
    ],
)
def test_a_new_process(benchmark, code):
    """A new process. Limits: 0.3 s for the import, 0.1 s more than Scanpy, 0.5 s for the help, 20 s for the demo."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    benchmark.pedantic(subprocess.run, (command,), {"stdout": subprocess.DEVNULL, "check": True}, rounds=3)


@pytest.mark.parametrize("kind", ["blood", "lists"])
def test_page(benchmark, tmp_path, kind):
    """The page of a report of 700 cells or 60 gene lists, in a browser, from opening to the first table."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed")
    if kind == "blood":
        import scanpy as sc

        report = sc.datasets.pbmc68k_reduced()
        gca.tl.annotate(report, "louvain")
    else:
        report = gca.annotate_markers(cached.gene_lists(60))
    gca.io.to_html(report, tmp_path / "page.html")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_page()

        def open_page():
            page.goto((tmp_path / "page.html").as_uri())
            page.locator("table").first.wait_for()

        benchmark.pedantic(open_page, rounds=5)
        browser.close()


def test_report_as_json(benchmark):
    """A report that is written to JSON and read again."""
    report = gca.annotate_markers(cached.gene_lists(60))
    assert benchmark(lambda: _codec.from_json(_codec.to_json(report))) == report
