"""An annotated object through h5ad and zarr and back: the report equal, the columns the same."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gca_scanpy as gca

COLUMNS = ("label", "proposed_label", "broad_label", "ontology_id", "status", "confidence", "confidence_score")


def _h5ad(adata, folder):
    adata.write_h5ad(folder / "a.h5ad")
    return ad.read_h5ad(folder / "a.h5ad")


def _zarr(adata, folder):
    pytest.importorskip("zarr")
    adata.write_zarr(folder / "a.zarr")
    return ad.read_zarr(folder / "a.zarr")


FORMATS = pytest.mark.parametrize("through", [_h5ad, _zarr], ids=["h5ad", "zarr"])
pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning:zarr", "ignore::FutureWarning", "ignore:.*not currently part"
)


def _same(back, adata, key="gptca"):
    assert gca.get.report(back, key) == gca.get.report(adata, key)
    assert {name: str(value) for name, value in back.uns[key].items()} == adata.uns[key]
    for name in ("label", "proposed_label", "broad_label"):
        assert list(back.uns[f"{key}_{name}_colors"]) == adata.uns[f"{key}_{name}_colors"]
    for name in COLUMNS:
        mine, read = adata.obs[f"{key}_{name}"], back.obs[f"{key}_{name}"]
        if isinstance(mine.dtype, pd.CategoricalDtype):
            assert list(read.cat.categories) == list(mine.cat.categories)
            assert read.cat.ordered == mine.cat.ordered
            assert list(read.cat.codes) == list(mine.cat.codes)
        else:
            np.testing.assert_array_equal(read.to_numpy(), mine.to_numpy())


@FORMATS
def test_the_result_reads_back(pbmc, tmp_path, through):
    """The bundled data, annotated and written, reads back with the same report and columns."""
    gca.tl.annotate(pbmc, "louvain", tissue="blood")
    _same(through(pbmc, tmp_path), pbmc)


@FORMATS
def test_ids_that_broke_other_tools(cells, tmp_path, through):
    """'NK/T cell' makes no nested groups and '' loses nothing; NaN cells stay NaN."""
    names = {"0": "NK/T cell", "1": "", "2": "β-Zelle 細胞", "3": "7_0"}
    cells.obs["cluster"] = cells.obs["cluster"].cat.rename_categories(names).where(np.arange(120) > 5)
    with gca.settings.override(request_id='NK/T, ünïcode "quoted" {x}\nline'):
        gca.tl.annotate(cells, "cluster", tissue="blood", key_added="mine")
    back = through(cells, tmp_path)
    _same(back, cells, "mine")
    assert [c.cluster_id for c in gca.get.report(back, "mine").clusters] == list(names.values())
    assert back.obs["mine_label"].isna().sum() == 6


@FORMATS
def test_everything_unknown(plant, tmp_path, through):
    """Where every cluster is Unknown, no ontology id is left, and an empty category list is still written."""
    adata = plant((20,))
    gca.tl.annotate(adata, "cluster")
    assert adata.obs["gptca_ontology_id"].isna().all()
    _same(through(adata, tmp_path), adata)


@FORMATS
def test_annotating_what_was_read(cells, tmp_path, through):
    """A ranking that was written and read is used, and a second run over a read report replaces it."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="wilcoxon")
    gca.tl.annotate(cells, "cluster", tissue="blood")
    back = through(cells, tmp_path)
    gca.tl.annotate(back, "cluster", tissue="blood")
    assert gca.get.report(back).clusters == gca.get.report(cells).clusters


@FORMATS
def test_a_filtered_ranking_is_not_made_worse(cells, tmp_path, through):
    """Names from a filtered ranking are never NaN in the report, so the report can be written."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test")
    sc.tl.filter_rank_genes_groups(cells, min_fold_change=2, max_out_group_fraction=0.5)
    gca.tl.annotate(cells, "cluster", rank_key="rank_genes_groups_filtered", tissue="blood")
    del cells.uns["rank_genes_groups_filtered"]  # Scanpy's own, with its NaN names
    _same(through(cells, tmp_path), cells)


@pytest.mark.no_cover
def test_many_clusters_fit(plant, tmp_path):
    """The report of 600 clusters is larger than an HDF5 attribute may be, and is read back all the same."""
    adata = plant([2] * 600)
    gca.tl.annotate(adata, "cluster", tissue="blood", n_markers=20)
    assert len(adata.uns["gptca"]["report"]) > 1_000_000
    _same(_h5ad(adata, tmp_path), adata)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=12).filter(lambda text: "\0" not in text), min_size=4, max_size=4, unique=True))
def test_any_ids_survive(plant, tmp_path_factory, names):
    """Whatever text the ids are, the report in the file tells the same of the same clusters."""
    adata = plant((5, 5, 5, 5))
    adata.obs["cluster"] = pd.Categorical.from_codes(np.repeat(range(4), 5), names)
    gca.tl.annotate(adata, "cluster", tissue="blood")
    folder = tmp_path_factory.mktemp("any")
    adata.obs = adata.obs.drop(columns="cluster")  # the user's own column is not ours to write
    adata.write_h5ad(folder / "a.h5ad")
    back = ad.read_h5ad(folder / "a.h5ad")
    _same(back, adata)
    assert [c.cluster_id for c in gca.get.report(back).clusters] == names
