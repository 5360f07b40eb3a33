"""Cells that stay on disk, and Dask clusters of several workers: the report of the same cells in memory."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

import gca_scanpy as gca
from gca_scanpy import _packages
from gca_scanpy._keys import ObsKeys, colors_of
from gca_scanpy._stores import files as store
from gca_scanpy.errors import InputError

array = pytest.importorskip("dask.array")
pytest.importorskip("zarr")
HAS_LAZY = hasattr(ad.experimental, "read_lazy")
KEYS = ObsKeys()
ENTRIES = ("gptca", *map(colors_of, KEYS.with_colors()))
needs_lazy = pytest.mark.skipif(not HAS_LAZY, reason="this anndata does not read lazily")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Write the PBMCs, with a cell that has no cluster, into a store of either kind."""
    import scanpy as sc

    folder, pbmc = tmp_path_factory.mktemp("stores"), sc.datasets.pbmc68k_reduced()
    pbmc.obs["some"] = pbmc.obs["louvain"].where(np.arange(pbmc.n_obs) != 3)
    pbmc.write_zarr(folder / "cells.zarr")
    pbmc.write_h5ad(folder / "cells.h5ad")
    return folder


@pytest.fixture(params=["zarr", "h5ad"])
def path(request, stores, tmp_path):
    """A copy of the store of either kind."""
    store = stores / f"cells.{request.param}"
    return Path((shutil.copytree if store.is_dir() else shutil.copy)(store, tmp_path / store.name))


def _read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of zarr and of what is experimental
        return ad.experimental.read_lazy(path), (ad.read_zarr if path.suffix == ".zarr" else ad.read_h5ad)(path)


def _same(lazy, memory, key="gptca"):
    assert gca.get.report(lazy, key).clusters == gca.get.report(memory, key).clusters
    for name in [name for name in memory.obs if name.startswith(key)]:
        found, expected = lazy.obs[[name]].to_memory()[name], memory.obs[name]
        assert found.dtype.kind == expected.dtype.kind
        assert list(found.astype(object).fillna("-")) == list(expected.astype(object).fillna("-"))


@needs_lazy
@pytest.mark.parametrize("groupby", ["some", "bulk_labels"], ids=["ranked anew", "stored ranking"])
def test_a_lazily_read_object(path, groupby):
    """Labels and report are those of the object in memory; the matrix stays on disk."""
    lazy, memory = _read(path)
    for adata in (lazy, memory):
        gca.tl.annotate(adata, groupby, tissue="blood")
    _same(lazy, memory)
    assert isinstance(lazy.X, array.Array)
    assert isinstance(lazy.raw.X, array.Array)


@needs_lazy
@pytest.mark.parametrize("kind", ["zarr", "h5ad"])
def test_a_mixed_cluster_on_disk(mix, kind, tmp_path):
    """What the cells of a mixed cluster are, and its parts, are those of the object in memory."""
    path = tmp_path / f"cells.{kind}"
    getattr(mix(n_b=30, n_t=30), f"write_{kind}")(path)
    lazy, memory = _read(path)
    for adata in (lazy, memory):
        gca.tl.annotate(adata, "cluster", tissue="blood")
        gca.tl.split(adata, "9")
    _same(lazy, memory)
    assert gca.get.report(lazy).cluster("9").mixture.kind == "two_populations"
    assert list(lazy.obs[["cluster_split"]].to_memory()["cluster_split"]) == list(memory.obs["cluster_split"])


@needs_lazy
def test_views_copies_and_exports(path, tmp_path):
    """A part of a lazy object, a copy of it, and what is written from it."""
    lazy, memory = _read(path)
    view, part = lazy[100:500], memory[100:500].copy()
    gca.tl.annotate(view, "louvain", tissue="blood")
    gca.tl.annotate(part, "louvain", tissue="blood")
    _same(view, part)
    copied = gca.tl.annotate(lazy, "louvain", tissue="blood", copy=True)
    assert not [name for name in lazy.obs.columns if name.startswith("gptca")]
    gca.tl.annotate(memory, "louvain", tissue="blood")
    _same(copied, memory)
    assert gca.io.to_cas(copied)["annotations"][0]["cell_ids"] == gca.io.to_cas(memory)["annotations"][0]["cell_ids"]
    gca.tl.to_cellxgene(copied)
    assert "cell_type_ontology_term_id" in copied.obs.columns


@needs_lazy
def test_a_failed_write(path, monkeypatch):
    """Where the report cannot be written, neither column nor report is left."""
    lazy, _ = _read(path)
    before = set(lazy.obs.columns)
    keep = type(lazy.obs).__setitem__

    def broken(self, name, value):
        if name == "gptca_status":
            raise OSError("no more")
        keep(self, name, value)

    monkeypatch.setattr(type(lazy.obs), "__setitem__", broken)
    with pytest.raises(OSError, match="no more"):
        gca.tl.annotate(lazy, "louvain", tissue="blood")
    assert set(lazy.obs.columns) == before
    assert "gptca" not in lazy.uns


@needs_lazy
def test_a_column_that_is_not_there(path):
    """The error lists the columns that could be meant, of a table on disk, too."""
    lazy, _ = _read(path)
    with pytest.raises(gca.GcaError, match=r"there is no \.obs\['leiden'\].*'louvain'"):
        gca.tl.annotate(lazy, "leiden")


@needs_lazy
@pytest.mark.parametrize("replaces", [False, True], ids=["new", "over older labels"])
def test_the_copy_of_a_store(path, tmp_path, replaces):
    """A store is annotated in a copy: what AnnData reads from it is what it would have written itself."""
    if replaces:
        (path.parent / "old").mkdir()
        older = path.rename(path.parent / "old" / path.name)
        lazy, _ = _read(older)
        gca.tl.annotate(lazy, "bulk_labels", tissue="kidney")
        store.annotate_lazily(older, path, lazy, KEYS.all(), ENTRIES)
    lazy, memory = _read(path)
    for adata in (lazy, memory):
        gca.tl.annotate(adata, "some", tissue="blood")
    target = tmp_path / f"out{path.suffix}"
    store.annotate_lazily(path, target, lazy, KEYS.all(), ENTRIES)
    again, found = _read(target)
    assert gca.get.report(found).clusters == gca.get.report(memory).clusters
    assert list(found.obs.columns) == list(memory.obs.columns)
    _same(again, found)
    assert sorted(found.uns) == sorted(memory.uns)
    np.testing.assert_array_equal(found.X, memory.X)
    assert _read(path)[1].obs.shape[1] == memory.obs.shape[1] - (0 if replaces else len(KEYS.all()))


def test_an_anndata_that_cannot(cells, tmp_path, monkeypatch):
    """Where AnnData is too old, the error says from which version on it reads lazily."""
    cells.write_h5ad(tmp_path / "cells.h5ad")
    monkeypatch.delattr(ad.experimental, "read_lazy", raising=False)
    with pytest.raises(InputError, match=r"needs anndata 0\.12 or later, but .*pip install 'anndata>=0\.12'"):
        store.read_lazily(tmp_path / "cells.h5ad")


@pytest.mark.parametrize(
    ("chosen", "installed", "used"),
    [
        ("zarr.core.codec_pipeline.BatchedCodecPipeline", "zarrs", "zarrs.ZarrsCodecPipeline"),
        ("zarr.core.codec_pipeline.BatchedCodecPipeline", None, "zarr.core.codec_pipeline.FusedCodecPipeline"),
        ("my.Pipeline", "zarrs", "my.Pipeline"),
    ],
)
def test_the_fastest_pipeline_decompresses(chosen, installed, used, monkeypatch):
    """It takes the place of zarr's default while the cells are opened, but not of another that was chosen."""
    zarr = pytest.importorskip("zarr", "3.3")
    monkeypatch.setattr(_packages, "find_spec", lambda _: installed)
    with zarr.config.set({"codec_pipeline.path": chosen}):
        with _packages.faster_zarr():
            assert zarr.config.get("codec_pipeline.path") == used
        assert zarr.config.get("codec_pipeline.path") == chosen


@needs_lazy
@pytest.mark.parametrize("name", ["x.h5ad", "x.zarr"])
def test_a_store_that_is_none(tmp_path, name):
    """A file of other bytes is an error that names it."""
    (tmp_path / name).write_bytes(b"other")
    with pytest.raises(InputError, match=rf"{name} cannot be read lazily"):
        store.read_lazily(tmp_path / name)


def test_two_workers(plant):
    """Two workers of dask.distributed on 127.0.0.1 give the report that one process gives, to the last digit."""
    distributed = pytest.importorskip("distributed")
    cells = plant((40, 50, 60, 70))
    chunked = ad.AnnData(array.from_array(cells.X.toarray(), chunks=(30, -1)), obs=cells.obs.copy(), var=cells.var)
    alone = gca.get.report(gca.tl.annotate(chunked, "cluster", tissue="blood", copy=True))
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
        together = gca.get.report(gca.tl.annotate(chunked, "cluster", tissue="blood", copy=True))
    assert together.clusters == alone.clusters
    gca.tl.annotate(cells, "cluster", tissue="blood")
    assert alone.clusters == gca.get.report(cells).clusters
