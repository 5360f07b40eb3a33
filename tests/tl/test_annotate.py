"""``tl.annotate``: a clustered AnnData in, labeled cells out, and nothing else touched."""

from __future__ import annotations

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import MissingClusterWarning, RawCountsWarning, StaleRankingWarning

COLUMNS = [
    f"gptca_{name}"
    for name in (
        "label",
        "short_label",
        "proposed_label",
        "broad_label",
        "fine_label",
        "fine_probability",
        "ontology_id",
        "status",
        "confidence",
        "confidence_score",
    )
]


def _broad(adata, key="gptca"):
    """Broad label by cluster."""
    return {c.cluster_id: c.broad_label for c in gca.get.report(adata, key).clusters}


def _without(content, prefix="gptca"):
    """Leave a content without the documented keys."""
    index, columns = content["obs"]
    kept = [column for column in columns if not column[0].startswith(prefix)]
    labels = ("label", "short_label", "proposed_label", "broad_label", "fine_label", "status", "confidence")
    colors = {f"{prefix}_{name}_colors" for name in labels}
    uns = [entry for entry in content["uns"] if entry[0] != prefix and entry[0] not in colors]
    return {**content, "obs": [index, kept], "uns": uns}


def test_planted_lineages_are_named(cells, lineages):
    """Clear lineages get their names, on every cell."""
    assert gca.tl.annotate(cells, "cluster", species="human", tissue="blood") is None
    assert _broad(cells) == {str(i): label for i, label in enumerate(lineages)}
    assert list(cells.obs["gptca_broad_label"].astype(str)) == list(cells.obs["planted"].astype(str))
    assert [name for name in cells.obs if name.startswith("gptca")] == COLUMNS


def test_bundled_pbmc_is_labeled(pbmc, content):
    """The call of the README works on the bundled data, and only the documented keys are new."""
    before = content(pbmc)
    gca.tl.annotate(pbmc, groupby="louvain", species="human", tissue="blood")
    assert _without(content(pbmc)) == before
    assert gca.get.report(pbmc).summary.total_clusters == 11
    assert pbmc.obs["gptca_status"].notna().all()


def test_the_users_ranking_matrix_and_embedding_stay(pbmc, content):
    """X, .raw, X_pca, X_umap, neighbors and the user's own rank_genes_groups stay, also where that ranking is used."""
    before = content(pbmc)
    gca.tl.annotate(pbmc, groupby="bulk_labels", tissue="blood")
    after = content(pbmc)
    for part in ("X", "raw", "obsm", "obsp", "var", "varm", "layers", "names"):
        assert after[part] == before[part], part
    assert _without(after)["uns"] == before["uns"]


def test_the_same_input_gives_the_same_output(cells):
    """Two runs differ in nothing but the id and the time."""
    with gca.settings.override(request_id="one"):
        reports = [gca.get.report(gca.tl.annotate(cells, "cluster", copy=True)) for _ in range(2)]
    assert reports[0].clusters == reports[1].clusters
    assert reports[0].parameters == reports[1].parameters
    assert reports[0].provenance.request_id == "one"


def test_copy_gives_a_labeled_copy(cells, content):
    """copy=True returns a labeled copy and leaves the object, its matrix included."""
    before = content(cells)
    labeled = gca.tl.annotate(cells, "cluster", copy=True)
    assert content(cells) == before
    assert set(COLUMNS) <= set(labeled.obs)
    assert not np.shares_memory(labeled.X.data, cells.X.data)


def test_a_view_can_be_annotated(cells, lineages, content):
    """A view is annotated as Scanpy's tools do it: it becomes its own object, and its origin stays."""
    before = content(cells)
    view = cells[cells.obs["cluster"] != "3"]
    gca.tl.annotate(view, "cluster", tissue="blood")
    assert _broad(view) == {str(i): label for i, label in enumerate(list(lineages)[:3])}
    assert content(cells) == before
    other = cells[::2]
    assert not gca.tl.annotate(other, "cluster", copy=True).is_view
    assert other.is_view


@pytest.mark.parametrize("copy", [False, True])
def test_backed_mode(cells, tmp_path, copy):
    """A backed object is annotated; its file stays as it was, and copy=True gives an object in memory."""
    expected = gca.get.report(gca.tl.annotate(cells, "cluster", copy=True)).clusters
    cells.write_h5ad(tmp_path / "cells.h5ad")
    content = (tmp_path / "cells.h5ad").read_bytes()
    backed = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    result = gca.tl.annotate(backed, "cluster", copy=copy) or backed
    assert gca.get.report(result).clusters == expected
    assert result.obs["gptca_status"].notna().all()
    assert backed.isbacked
    assert result.isbacked is not copy
    assert ("gptca" in backed.uns) is not copy
    backed.file.close()
    assert (tmp_path / "cells.h5ad").read_bytes() == content


@pytest.mark.parametrize("backed", [None, "r"])
def test_a_file_that_has_raw_as_missing(cells, tmp_path, backed):
    """Anndata's write_elem writes that there is no .raw; a backed object has an empty one then."""
    write = getattr(ad, "io", ad.experimental).write_elem
    with h5py.File(tmp_path / "cells.h5ad", "w") as file:
        write(file, "/", cells)
    found = ad.read_h5ad(tmp_path / "cells.h5ad", backed=backed)
    gca.tl.annotate(found, "cluster")
    gca.tl.annotate(cells, "cluster")
    assert gca.get.report(found).clusters == gca.get.report(cells).clusters
    assert gca.get.contrast(found, "0").genes == gca.get.contrast(cells, "0").genes
    if backed:
        found.file.close()


def test_nan_cells_stay_nan_and_are_counted(cells):
    """NaN cells stay NaN and are counted in the report."""
    cells.obs["cluster"] = cells.obs["cluster"].where(np.arange(cells.n_obs) >= 7)
    with pytest.warns(MissingClusterWarning, match=r"7 of 120 cells have no cluster in \.obs\['cluster'\]"):
        gca.tl.annotate(cells, "cluster")
    report = gca.get.report(cells)
    assert report.telemetry.cells_without_cluster == 7
    assert list(np.flatnonzero(cells.obs["gptca_label"].isna())) == list(range(7))
    assert cells.obs["gptca_confidence_score"].isna().sum() == 7
    assert report.cluster("0").n_cells == 23


@pytest.mark.parametrize("as_category", [False, True])
def test_integer_clusters(cells, as_category):
    """Integer clusters: every cell has its label (Scanpy's group names are strings, so a .map gave 100 % NaN)."""
    numbers = cells.obs["cluster"].astype(int)
    cells.obs["number"] = pd.Categorical(numbers) if as_category else numbers
    gca.tl.annotate(cells, "number", tissue={0: "blood", 1: "blood", 2: "blood", 3: "blood"})
    assert cells.obs["gptca_label"].notna().all()
    assert gca.get.report(cells).cluster("3").tissue == "blood"


def test_an_empty_category_and_a_group_of_one_cell(plant, lineages):
    """A category with no cells is no cluster; a group of one cell gets a reason, and the rest are annotated."""
    adata = plant((30, 30, 30, 1))
    adata.obs["cluster"] = adata.obs["cluster"].cat.add_categories(["empty"])
    gca.tl.annotate(adata, "cluster", tissue="blood")
    report = gca.get.report(adata)
    assert [c.cluster_id for c in report.clusters] == ["0", "1", "2", "3"]
    alone = report.cluster("3")
    assert alone.warnings == ("the cluster has one cell, so no marker genes can be computed for it",)
    assert (alone.status, alone.annotation.primary_label) == ("unknown", "Unknown or Novel")
    assert "no_markers_supplied" in alone.validation.flag_reasons
    assert [_broad(adata)[str(i)] for i in range(3)] == list(lineages)[:3]


def test_a_single_cluster_is_unknown_with_a_reason(plant):
    """A single cluster has nothing to compare with: Unknown, and the report says why."""
    adata = plant((30,))
    gca.tl.annotate(adata, "cluster")
    (cluster,) = gca.get.report(adata).clusters
    assert cluster.status == "unknown"
    assert "only one cluster" in cluster.warnings[0]


def test_groups_labels_a_part(cells):
    """groups=[...] labels those clusters against all others; the cells of the rest stay NaN."""
    gca.tl.annotate(cells, "cluster", groups="2", tissue={"0": "liver", "2": "blood"}, key_added="some")
    labeled = cells.obs["some_status"].notna()
    assert list(labeled) == list(cells.obs["cluster"] == "2")
    report = gca.get.report(cells, "some")
    assert report.parameters["groups"] == "['2']"
    assert _broad(cells, "some") == {"2": "monocyte"}


def test_key_added_renames_everything(cells, content):
    """key_added renames every column and the entry in .uns; a second run beside it changes nothing of the first."""
    gca.tl.annotate(cells, "cluster")
    before = content(cells)
    gca.tl.annotate(cells, "cluster", key_added="mine")
    assert [name for name in cells.obs if name.startswith("mine")] == [c.replace("gptca", "mine") for c in COLUMNS]
    assert _without(content(cells), "mine") == before


def test_a_stale_ranking_is_not_believed(cells, lineages):
    """Reclustering under the same key: the old ranking is said to be stale, and the labels come from a new one."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test")
    swapped = {"0": "B", "1": "A", "2": "0", "3": "1"}
    cells.obs["cluster"] = cells.obs["cluster"].cat.rename_categories(swapped)
    with pytest.warns(StaleRankingWarning) as caught:
        gca.tl.annotate(cells, "cluster", tissue="blood")
    assert caught[0].filename == __file__
    assert _broad(cells) == {swapped[str(i)]: label for i, label in enumerate(lineages)}
    assert set(cells.uns["rank_genes_groups"]["names"].dtype.names) == {"0", "1", "2", "3"}


def test_ensembl_ids_with_symbols_in_var(cells, lineages):
    """Ensembl var_names with symbols in .var: labeled, and genes are reported as symbols; var_names stay."""
    cells.var["feature_name"] = pd.Categorical(list(cells.var_names))
    cells.var_names = [f"ENSG9{i:010d}" for i in range(cells.n_vars)]
    gca.tl.annotate(cells, "cluster", tissue="blood")
    assert _broad(cells) == {str(i): label for i, label in enumerate(lineages)}
    assert "MS4A1" in gca.get.report(cells).cluster("0").validation.supporting_markers
    assert cells.var_names[0] == "ENSG90000000000"


def test_raw_has_more_genes(cells, lineages):
    """With .raw that has more genes than .var, the labels come from .raw."""
    cells.raw = cells
    small = cells[:, lineages["T cell"][:3]].copy()
    gca.tl.annotate(small, "cluster", tissue="blood")
    assert _broad(small)["0"] == "B cell"


def test_raw_counts_are_warned_of(cells, lineages):
    """Raw counts where log-normalized values were meant: warned at the user's line, and labeled all the same."""
    with pytest.warns(RawCountsWarning, match="raw counts") as caught:
        gca.tl.annotate(cells, "cluster", layer="counts", tissue="blood")
    assert caught[0].filename == __file__
    assert _broad(cells) == {str(i): label for i, label in enumerate(lineages)}


@pytest.mark.parametrize("key", ["7_0", "NK/T cell", "", "β-Zelle 細胞", "x" * 400])
def test_any_cluster_id(cells, lineages, key):
    """Ids such as 7_0, NK/T cell, the empty string, unicode and very long are matched exactly."""
    cells.obs["cluster"] = cells.obs["cluster"].cat.rename_categories({"1": key})
    gca.tl.annotate(cells, "cluster", tissue={key: "blood"})
    assert _broad(cells)[key] == "T cell"
    assert list(gca.get.clusters(cells).index) == ["0", key, "2", "3"]


@pytest.mark.no_cover
@pytest.mark.parametrize("number", [60, 600])
def test_many_clusters(plant, lineages, number):
    """60 and 600 clusters: each cell has the label of its own cluster."""
    adata = plant([3] * number)
    gca.tl.annotate(adata, "cluster", tissue="blood", n_markers=12)
    report = gca.get.report(adata)
    assert [c.cluster_id for c in report.clusters] == [str(i) for i in range(number)]
    by_id = {c.cluster_id: c.annotation.proposed_label for c in report.clusters}
    assert list(adata.obs["gptca_proposed_label"]) == [by_id[key] for key in adata.obs["cluster"]]


@pytest.mark.parametrize("wrong", ["hematopoietic stem cell", "dendritic cell", "hepatocyte", "natural killer cell"])
def test_a_wrong_label_of_a_neighboring_type_is_flagged(pbmc, wrong):
    """tl.validate: a label is flagged where another type has far more evidence, though nothing excludes both."""
    pbmc.obs["given"] = wrong
    gca.tl.validate(pbmc, groupby="louvain", tissue="blood", groups=["0", "4"], labels="given")
    for cluster in gca.get.report(pbmc).clusters:
        assert cluster.status == "flagged"
        assert "contradictory_markers" in cluster.validation.flag_reasons
        assert cluster.annotation.proposed_label == wrong


def test_right_labels_are_supported(pbmc):
    """tl.validate: the labels that fit are supported."""
    right = {"0": "T cell", "3": "natural killer cell", "4": "B cell", "8": "plasma cell", "5": "monocyte"}
    pbmc.obs["given"] = pbmc.obs["louvain"].astype(str).map(right)
    gca.tl.validate(pbmc, groupby="louvain", tissue="blood", groups=list(right), labels="given")
    assert {c.status for c in gca.get.report(pbmc).clusters} == {"supported"}


@pytest.mark.parametrize("ending", ["h5ad", "zarr"])
def test_the_short_label(cells, tmp_path, ending):
    """It is the short name of the label's term, has the label's colors, and survives a file."""
    cells.obs["mine"] = cells.obs["cluster"].map({"0": "B lymphocytes", "1": "T", "2": "blob", "3": "my own"})
    gca.tl.annotate(cells, "cluster", tissue="blood")
    with gca.settings.override(force_unknown=False):
        gca.tl.validate(cells, "cluster", "mine", tissue="blood", key_added="check")
    terms = [cluster.annotation.ontology_id for cluster in gca.get.report(cells).clusters]
    assert terms[3] == "CL:0000623"
    assert gca.names.short(terms)[3] == "NK"
    place = tmp_path / f"cells.{ending}"
    getattr(cells, f"write_{ending}")(place)
    read = (ad.read_zarr if ending == "zarr" else ad.read_h5ad)(place)
    for key, expected in {
        "gptca": gca.names.short(terms),
        "check": ["B cell", "T cell", "blob", "my own"],
    }.items():
        short = read.obs[f"{key}_short_label"]
        assert list(short.groupby(read.obs["cluster"], observed=True).first()) == expected
        assert gca.get.clusters(read, key)["short_label"].tolist() == expected
        by_label = dict(zip(read.obs[f"{key}_label"].cat.categories, read.uns[f"{key}_label_colors"]))
        labels = read.obs[f"{key}_label"].groupby(short, observed=True).first()
        assert [by_label[labels[name]] for name in short.cat.categories] == list(read.uns[f"{key}_short_label_colors"])
