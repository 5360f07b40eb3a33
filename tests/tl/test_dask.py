"""Dask: annotated objects are values that travel between workers."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

import gca_scanpy as gca

dask = pytest.importorskip("dask")


@pytest.fixture(scope="module")
def two_processes():
    """Two workers, spawned once, because each takes seconds to import the package."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(params=["synchronous", "threads", "processes"])
def scheduler(request):
    """Each scheduler of one machine, with two workers."""
    pool = request.getfixturevalue("two_processes") if request.param == "processes" else None
    with dask.config.set({"num_workers": 2, "scheduler": request.param, "pool": pool}):
        yield request.param


def test_gene_lists_under_dask(lineages, scheduler):
    """Gene lists in workers give the reports of the process that started them."""
    found = dask.compute(*(dask.delayed(gca.annotate_markers)(lineages, tissue="blood") for _ in range(3)))
    alone = gca.annotate_markers(lineages, tissue="blood")
    assert [report.clusters for report in found] == [alone.clusters] * 3


def test_objects_under_dask(plant, content, scheduler):
    """Objects in workers come back annotated as at home; those that were sent stay as they were."""
    objects = [plant(seed=seed) for seed in range(2)]
    before = [content(adata) for adata in objects]
    jobs = [dask.delayed(gca.tl.annotate)(adata, "cluster", tissue="blood", copy=True) for adata in objects]
    found = dask.compute(*jobs)
    assert [content(adata) for adata in objects] == before
    for adata, back in zip(objects, found):
        gca.tl.annotate(adata, "cluster", tissue="blood")
        assert back.obs.equals(adata.obs)
        assert gca.get.report(back).clusters == gca.get.report(adata).clusters


def test_an_error_of_a_worker_is_the_error(cells, scheduler):
    """What goes wrong in a worker is raised here as our own error, with its whole sentence."""
    with pytest.raises(gca.GcaError, match="leiden") as alone:
        gca.tl.annotate(cells, "leiden")
    with pytest.raises(type(alone.value)) as caught:
        dask.delayed(gca.tl.annotate)(cells, "leiden").compute()
    assert str(alone.value) in str(caught.value)


def test_every_error_can_be_pickled():
    """Each class of error survives the way between processes with its text."""

    def tree(kind):
        own = [
            child for child in kind.__subclasses__() if child.__module__.startswith("gca_scanpy")
        ]  # not dask's copies
        return {kind}.union(*map(tree, own))

    for kind in tree(gca.GcaError):
        back = pickle.loads(pickle.dumps(kind("what was wrong")))
        assert type(back) is kind
        assert str(back) == str(kind("what was wrong"))
