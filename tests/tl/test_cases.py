"""Cases that other tools got wrong and that no other test has."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy._scoring import numbers
from gca_scanpy.errors import GeneNameWarning


def labels(adata):
    """Proposed labels by cluster."""
    return {c.cluster_id: c.annotation.proposed_label for c in gca.get.report(adata).clusters}


@pytest.mark.parametrize("log1p", [{}, {"base": None}, {"base": 2}, "gone", 3])
def test_missing_log1p_base(cells, log1p):
    """Missing ``uns['log1p']['base']``, which files lose: nothing here needs it."""
    plain = cells.copy()
    gca.tl.annotate(plain, "cluster", tissue="blood")
    cells.uns["log1p"] = log1p
    gca.tl.annotate(cells, "cluster", tissue="blood")
    assert labels(cells) == labels(plain)
    assert cells.uns["log1p"] == log1p


def test_wilcoxon_illico(cells):
    """``wilcoxon_illico`` in new Scanpy, or any later method: a stored ranking is used whatever made it."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="wilcoxon")
    cells.uns["rank_genes_groups"]["params"]["method"] = "wilcoxon_illico"
    gca.tl.annotate(cells, "cluster", tissue="blood")
    assert (
        set(labels(cells).values()) == {"B cell", "T cell", "monocyte", "natural killer cell"}
        or len(labels(cells)) == 4
    )
    assert "B cell" in labels(cells)["0"]


def test_a_spatial_panel(plant_types):
    """A spatial panel of fewer than 15 genes: labeled where the genes say so, and nothing is divided by zero."""
    adata = plant_types({"b": ["MS4A1", "CD79A", "CD79B", "CD19"], "m": ["LYZ", "S100A8", "CD14", "FCN1"]})
    panel = adata[:, [n for n in adata.var_names if not n.startswith("ZNF")]].copy()
    assert panel.n_vars < 15
    gca.tl.annotate(panel, "cluster", tissue="blood")
    assert "B cell" in labels(panel)["b"]
    assert "monocyte" in labels(panel)["m"]


def test_cells_separate_siblings_that_share_their_ranking(plant_types):
    """CD4 and CD8 T cells share most of their ranked genes: CD8A in the one and its absence in the other decide."""
    shared = "CD3D CD3E CD3G TRAC CD2 CD7 IL32 LCK CD247".split()
    types = {
        "8": [*shared, "CD8A", "CD8B"],
        "4": [*shared, "IL7R", "CD4", "CD40LG"],
        "b": ["MS4A1", "CD79A", "CD79B", "CD19"],
        "m": ["LYZ", "S100A8", "CD14", "FCN1"],
    }
    adata = plant_types(types)
    gca.tl.annotate(adata, "cluster", tissue="blood")
    assert labels(adata)["8"] == "CD8-positive, alpha-beta T cell"
    assert labels(adata)["4"] == "CD4-positive, alpha-beta T cell"
    with numbers.override(cell_weight=0.0, cell_weight_of_kin=0.0):  # as without the cells
        gca.tl.annotate(adata, "cluster", tissue="blood")
    assert labels(adata)["8"] == labels(adata)["4"] == "T cell"


def test_a_pbmc_table_on_a_kidney():
    """A PBMC-only table used on a kidney: the overlap is said with its numbers, and everything Unknown is explained."""
    types, genes = ["B cell"] * 3 + ["T cell"] * 3, "MS4A1 CD79A CD79B CD3D CD3E TRAC".split()
    table = pd.DataFrame({"cell_type": types, "gene": genes})
    kidney = {"0": "NPHS1 NPHS2 PODXL WT1 SYNPO".split(), "1": "SLC34A1 LRP2 CUBN MIOX GPX3".split()}
    with pytest.warns(GeneNameWarning, match="0 of the 10 distinct marker genes"):
        report = gca.annotate_markers(kidney, tissue="kidney", marker_db=table)
    assert {c.status for c in report.clusters} == {"unknown"}
    assert all(c.validation.flag_reasons for c in report.clusters)
    assert any("0 of the 10" in warning for warning in report.warnings)


def test_threads(plant):
    """Two calls at once in one process on different objects give what they give one after the other."""
    objects = [plant(seed=seed) for seed in range(4)]
    alone = [labels(gca.tl.annotate(adata, "cluster", tissue="blood", copy=True)) for adata in objects]
    threads = [
        threading.Thread(target=gca.tl.annotate, args=(adata, "cluster"), kwargs={"tissue": "blood"})
        for adata in objects
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [labels(adata) for adata in objects] == alone


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib(lineages, backend):
    """Workers of joblib, in processes and in threads, give the labels of the process that started them."""
    joblib = pytest.importorskip("joblib")
    parallel = joblib.Parallel(n_jobs=2, backend=backend)
    # The package's own function: what a test module defines cannot be imported by a worker.
    found = parallel(joblib.delayed(gca.annotate_markers)(lineages, tissue="blood") for _ in range(2))
    alone = gca.annotate_markers(lineages, tissue="blood")
    assert [report.clusters for report in found] == [alone.clusters] * 2


def test_no_warning_in_a_normal_run(plant, tmp_path):
    """A normal run gives no warning of ours, pandas, anndata or scanpy, but what anndata says when it is used alone."""
    adata = plant()
    with warnings.catch_warnings(record=True) as alone:
        warnings.simplefilter("always")
        plain = adata.copy()
        plain.obs["x"] = pd.Categorical(["a"] * plain.n_obs)
        plain.write_h5ad(tmp_path / "plain.h5ad")
        ad.read_h5ad(tmp_path / "plain.h5ad")
    usual = {str(w.message) for w in alone}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gca.tl.annotate(adata, "cluster", tissue="blood")
        gca.get.clusters(adata)
        gca.pl.report(adata, show=False)
        gca.pl.confidence(adata, show=False)
        adata.write_h5ad(tmp_path / "a.h5ad")
        gca.get.report(ad.read_h5ad(tmp_path / "a.h5ad"))
    # What matplotlib's and pyparsing's versions say to each other is none of these packages'.
    others = ("matplotlib", "pyparsing")
    caught = [w for w in caught if not set(others) & set(Path(w.filename).parts)]
    assert [str(w.message) for w in caught if str(w.message) not in usual] == []
    assert np.isfinite(adata.obs["gptca_confidence_score"]).all()


def test_warnings_point_at_the_users_line(cells):
    """Every warning of ours has the user's file and line, from whichever function it comes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gca.tl.annotate(cells, "cluster", tissue="bloood", copy=True)
        gca.annotate_markers({"0": ["MS4A1", "CD79A"]}, tissue="bloood")
        gca.tl.annotate(cells, "cluster", layer="counts", copy=True)
        gca.annotate_markers({"0": ["Ms4a1", "Cd79a", "Cd19", "Cd79b", "Pax5"]}, species="human")
    ours = [w for w in caught if issubclass(w.category, gca.GcaWarning)]
    assert len({w.category for w in ours}) >= 3
    assert {w.filename for w in ours} == {__file__}


def test_a_matrix_of_dask(pbmc):
    """A matrix in Dask's chunks is ranked as the same matrix in memory is."""
    array = pytest.importorskip("dask.array")
    del pbmc.uns["rank_genes_groups"]
    cells = pbmc.raw.to_adata()
    cells.X = cells.X.toarray()
    chunked = cells.copy()
    chunked.X = array.from_array(cells.X, chunks=(200, -1))
    for adata in (cells, chunked):
        gca.tl.annotate(adata, "louvain", tissue="blood")
    assert gca.get.report(chunked).clusters == gca.get.report(cells).clusters
