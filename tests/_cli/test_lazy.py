"""``gca annotate --lazy``: the matrix stays on disk; Dask computes in this process, or on workers of a scheduler."""

from __future__ import annotations

import anndata
import pytest

from gca_scanpy import get
from gca_scanpy._cli import options

pytest.importorskip("zarr")
HAS_LAZY = hasattr(anndata.experimental, "read_lazy")
needs_lazy = pytest.mark.skipif(not HAS_LAZY, reason="this anndata does not read lazily")


@pytest.fixture(params=["h5ad", "zarr"])
def store(request, cells, tmp_path):
    """The cells in a store of either kind."""
    path = tmp_path / f"in.{request.param}"
    getattr(cells, f"write_{request.param}")(path)
    return path


def _labels(path):
    adata = anndata.read_zarr(path) if path.suffix == ".zarr" else anndata.read_h5ad(path)
    return adata.obs["gptca_label"].tolist(), get.report(adata).clusters, list(adata.uns["gptca_label_colors"])


@needs_lazy
def test_lazily_and_not(gca, store, tmp_path):
    """The labels, the table on stdout and the report are the same; what is written reads back."""
    outputs = [tmp_path / f"{name}{store.suffix}" for name in ("lazy", "memory")]
    call = ("annotate", store, "--groupby", "cluster", "--tissue", "blood", "-o")
    done = [gca(*call, outputs[0], "--lazy"), gca(*call, outputs[1])]
    assert [one.returncode for one in done] == [0, 0], done[0].stderr
    assert done[0].stdout == done[1].stdout
    assert _labels(outputs[0]) == _labels(outputs[1])


@needs_lazy
def test_clusters_from_a_table(gca, store, cells, tmp_path):
    """Clusters of a table are written beside the labels."""
    table = tmp_path / "clusters.csv"
    cells.obs["cluster"].rename("mine").to_csv(table)
    output = tmp_path / f"out{store.suffix}"
    done = gca("annotate", store, "--lazy", "--clusters", table, "--groupby", "mine", "--tissue", "blood", "-o", output)
    assert done.returncode == 0, done.stderr
    annotated = anndata.read_zarr(output) if store.suffix == ".zarr" else anndata.read_h5ad(output)
    assert annotated.obs["mine"].tolist() == cells.obs["cluster"].tolist()
    assert annotated.obs["gptca_label"].notna().all()


@needs_lazy
def test_on_a_cluster(gca, cells, tmp_path):
    """With a scheduler's address, its workers, which are in another folder, read and add; the report is the same."""
    distributed = pytest.importorskip("distributed")
    cells.write_zarr(tmp_path / "in.zarr")
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
    call = ("annotate", "in.zarr", "--lazy", "--groupby", "cluster", "--tissue", "blood", "--verbose")
    with distributed.LocalCluster(**options) as cluster:
        done = gca(*call, "--dask-scheduler", cluster.scheduler_address)
        assert done.returncode == 0, done.stderr
        assert f"Dask computes at {cluster.scheduler_address}" in done.stderr
    assert done.stdout == gca(*call).stdout


@needs_lazy
def test_no_scheduler(fails, h5ad, monkeypatch):
    """A scheduler that does not answer is one line."""
    pytest.importorskip("distributed")
    monkeypatch.setattr(options, "SCHEDULER_TIMEOUT", 0.2)
    call = ("annotate", h5ad, "--lazy", "--groupby", "cluster", "--dask-scheduler", "tcp://127.0.0.1:1")
    assert "no Dask scheduler answers at tcp://127.0.0.1:1 within 0.2 seconds" in fails(*call)


def test_calls_that_are_wrong(fails, store, table, tmp_path):
    """A scheduler without --lazy, another kind of input, and an output of another kind."""
    assert "--dask-scheduler needs --lazy" in fails("annotate", store, "--dask-scheduler", "tcp://127.0.0.1:1")
    assert "--lazy is for h5ad and zarr, not for markers.csv" in fails("annotate", table, "--lazy")
    other = tmp_path / f"out.{'zarr' if store.suffix == '.h5ad' else 'h5ad'}"
    assert f"must end in {store.suffix}" in fails("annotate", store, "--lazy", "--groupby", "cluster", "-o", other)


@pytest.mark.skipif(HAS_LAZY, reason="this anndata reads lazily")
def test_an_anndata_that_cannot(fails, store):
    """An AnnData that does not read lazily is one line, with the version that does."""
    assert "pip install 'anndata>=0.12'" in fails("annotate", store, "--lazy", "--groupby", "cluster")
