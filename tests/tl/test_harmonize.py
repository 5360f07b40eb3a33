"""Samples that were clustered apart get one name for the same kind of cell."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy import _codec
from gca_scanpy._keys import pair_id, read_pair
from gca_scanpy.errors import GcaWarning, InputError, MissingClusterWarning, MissingKeyError

KINDS = ("B cell", "T cell", "monocyte", "natural killer cell")


def apart(plant, n_samples=3, n=60):
    """Planted cells of some samples, in each of which the clusters have other numbers."""
    cells = plant((n,) * 4)
    samples = np.arange(cells.n_obs) % n_samples
    types = np.array([KINDS.index(name) for name in cells.obs["planted"]])
    cells.obs["donor"] = pd.Categorical([f"D{sample}" for sample in samples])
    cells.obs["cluster"] = pd.Categorical([str((kind + sample) % 4) for kind, sample in zip(types, samples)])
    return cells


def harmonized(cells, **options):
    """The report of the cells."""
    gca.tl.harmonize(cells, "cluster", "donor", **{"tissue": "blood", **options})
    return gca.get.report(cells)


def test_the_same_cells_have_the_same_name(plant):
    """In each sample the clusters have other numbers; each planted type has one name, and no other type has it."""
    cells = apart(plant)
    report = harmonized(cells)
    names = cells.obs.groupby("planted", observed=True)["gptca_label"].unique()
    assert {len(found) for found in names} == {1}
    assert len({str(found[0]) for found in names}) == 4
    assert len(report.clusters) == 12
    assert [cluster.cluster_id for cluster in report.clusters[:5]] == ["D0 | 0", "D0 | 1", "D0 | 2", "D0 | 3", "D1 | 0"]
    assert {cluster.status for cluster in report.clusters} == {"supported"}
    assert (report.parameters["groupby"], report.parameters["within"]) == ("cluster", "donor")
    assert _codec.from_json(_codec.to_json(report)) == report


def test_the_order_of_the_cells_does_not_matter(plant):
    """Shuffled cells and reordered samples: the same names and reports."""
    cells = apart(plant)
    other = cells[np.random.default_rng(1).permutation(cells.n_obs)].copy()
    other.obs["donor"] = other.obs["donor"].cat.reorder_categories(["D2", "D0", "D1"])
    first, second = harmonized(cells), harmonized(other)
    assert {c.cluster_id for c in first.clusters} == {c.cluster_id for c in second.clusters}
    for cluster in first.clusters:
        assert second.cluster(cluster.cluster_id).annotation.primary_label == cluster.annotation.primary_label
    assert second.clusters[0].cluster_id.startswith("D2 | ")


def test_a_tool_that_takes_the_report(plant, tmp_path):
    """Decisions, tables, exports, plots and a second run work with clusters of samples."""
    cells = apart(plant)
    harmonized(cells)
    gca.tl.curate(cells, {"D1 | 0": "plasma cell"}, who="Ada")
    own = (cells.obs["donor"] == "D1") & (cells.obs["cluster"] == "0")
    assert set(cells.obs["gptca_curated_label"][own]) == {"plasma cell"}
    assert cells.obs["gptca_curated_label"][~own].isna().all()
    assert len(gca.io.to_cas(cells)["annotations"]) == 13
    assert "D1 | 0" in gca.io.to_html(cells)
    gca.io.to_csv(cells, tmp_path / "c.csv")
    cells.write_h5ad(tmp_path / "cells.h5ad")
    report = harmonized(cells)
    assert len(report.audit) == 1
    assert "plasma cell" in set(cells.obs["gptca_curated_label"])
    part = cells[cells.obs["donor"] != "D0"].copy()
    gca.tl.curate(part, accept=["D2 | 1"], who="Ada")
    gca.pl.confidence(cells, show=False)


def test_a_name_for_one_sample_is_no_problem(plant):
    """With one sample, the names are those of a run of annotate for its clusters."""
    cells = apart(plant, n_samples=1)
    report = harmonized(cells)
    gca.tl.annotate(cells, "cluster", tissue="blood", key_added="alone")
    assert list(cells.obs["gptca_label"]) == list(cells.obs["alone_label"])
    assert len(report.clusters) == 4


def test_clusters_that_cannot_be_ranked(plant):
    """A cluster of one cell and a sample of one cluster are Unknown, with the reason, and hold nothing up."""
    cells = apart(plant)
    donors, clusters = cells.obs["donor"].astype(str).to_numpy(), cells.obs["cluster"].astype(str).to_numpy()
    clusters[0] = "single"
    donors[clusters == "3"] = "alone"
    cells.obs["donor"], cells.obs["cluster"] = donors, clusters
    report = harmonized(cells)
    for key in ("D0 | single", "alone | 3"):
        cluster = report.cluster(key)
        assert cluster.status == "unknown"
        assert "no marker genes can be computed" in cluster.warnings[0]
    assert report.summary.supported_clusters == 9


def test_cells_without_cluster_or_sample(plant):
    """They get no label; if they are many, the run warns and names both columns."""
    cells = apart(plant)
    donors, clusters = (cells.obs[name].astype(object).to_numpy().copy() for name in ("donor", "cluster"))
    donors[:20], clusters[20:40] = None, None
    cells.obs["donor"], cells.obs["cluster"] = donors, clusters
    with pytest.warns(
        MissingClusterWarning, match="40 of 240 cells have no cluster in .obs\\['cluster'\\], or no sample"
    ):
        report = harmonized(cells)
    assert cells.obs["gptca_label"][:40].isna().all()
    assert cells.obs["gptca_label"][40:].notna().all()
    assert report.telemetry.cells_without_cluster == 40


def test_tissues_of_samples(plant):
    """A dict gives each sample its tissue; an unknown sample is an error that lists those there are."""
    report = harmonized(apart(plant), tissue={"D0": "blood", "D1": "lung"})
    assert [report.cluster(f"D{n} | 0").tissue for n in range(3)] == ["blood", "lung", None]
    with pytest.raises(InputError, match="tissue names samples that do not exist: D9; there are: D0, D1, D2"):
        harmonized(apart(plant), tissue={"D9": "blood"})


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("cluster", "nowhere"), MissingKeyError, "there is no .obs\\['nowhere'\\]"),
        (("cluster", "cluster"), InputError, "sample_key='cluster' is the column of the clusters"),
        (("nowhere", "donor"), MissingKeyError, "there is no .obs\\['nowhere'\\]"),
    ],
)
def test_wrong_columns(plant, arguments, error, text, content):
    """They are refused before anything is written."""
    cells = apart(plant)
    before = content(cells)
    with pytest.raises(error, match=text):
        gca.tl.harmonize(cells, *arguments)
    assert content(cells) == before


def test_counts_and_a_copy(plant):
    """Raw counts in a layer, and a copy: the object stays as it was."""
    cells = apart(plant)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GcaWarning)
        copied = gca.tl.harmonize(cells, "cluster", "donor", layer="counts", tissue="blood", copy=True)
    assert "gptca" not in cells.uns
    assert copied.obs["gptca_label"].notna().all()


@pytest.mark.parametrize("sample", ["A", "", " ", "|", "a | b", "a|", "\\", "\\|", " | ", "x\n| "])
@pytest.mark.parametrize("cluster", ["0", "", " ", "|", "b | 0", "\\", "| ", " | "])
def test_ids_can_be_read_back(sample, cluster):
    """Whatever the names, the id of a pair gives sample and cluster again, so that no two pairs have the same."""
    assert read_pair(pair_id(sample, cluster)) == (sample, cluster)


def test_odd_names(plant):
    """Samples and clusters with the separator in their names stay apart."""
    cells = apart(plant, n_samples=2)
    cells.obs["donor"] = cells.obs["donor"].cat.rename_categories(["A", "A | 0"])
    cells.obs["cluster"] = cells.obs["cluster"].cat.rename_categories(["0 | 0", "0", "1", "|"])
    report = harmonized(cells)
    assert len({cluster.cluster_id for cluster in report.clusters}) == 8
    assert sum(cluster.n_cells for cluster in report.clusters) == cells.n_obs
