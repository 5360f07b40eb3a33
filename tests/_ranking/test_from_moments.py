"""What a cluster's cells express and lack beyond the ranking."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import gca_scanpy as gca
from gca_scanpy._adata import read_clustering
from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._ranking.gather import gather
from gca_scanpy._ranking.moments import Moments, activity, expressed
from gca_scanpy._ranking.read import read_markers
from gca_scanpy._scoring import numbers
from gca_scanpy._steps import Ranking

NAMES = ["everywhere", "here", "ambient", "rare", "gone", "nowhere"]
OWN = dict(zip(NAMES, NAMES))  # each is its own symbol


def two_clusters(n=40):
    """In cluster 0, "here" is expressed and "gone" is not; "ambient" is a trace of cluster 1."""
    values = np.zeros((2 * n, 6))
    values[:, 0] = 2.0
    values[:n, 1] = 2.0
    values[:n, 2], values[n:, 2] = 0.3, 4.0
    values[: n // 5, 3] = 2.0
    values[n:, 4] = 2.0
    return values, Clustering("g", ("0", "1"), np.repeat([0, 1], n).astype(np.intp), ("0", "1"))


def found(values, clustering):
    """Expressed genes by cluster."""
    return expressed(gather(values, clustering), NAMES, {"0": 0, "1": 1})


def test_present_and_absent():
    """Present: widely expressed genes, also where all have them, no traces and no rare ones. Absent: what is gone."""
    both = found(*two_clusters())
    assert both["0"].present == ("everywhere", "here")
    assert both["0"].absent == ("gone",)
    assert both["1"].present == ("everywhere", "ambient", "gone")
    assert both["1"].absent == ("here",)  # "rare" is in too few cells to be missed


def test_how_far_genes_are_on():
    """On: as high as in any cluster and in enough cells. Off: lacking, unless hardly any cell of the data shows it."""
    values, clustering = two_clusters()
    shown = activity(gather(values, clustering), NAMES, ("0", "1"), OWN, NAMES)
    on, off = (
        {name: array[shown.rows["0"], column] for name, column in shown.columns.items()}
        for array in (shown.on, shown.off)
    )
    assert on["everywhere"] == on["here"] == 1
    assert on["gone"] == 0 < on["rare"] < 1  # a fifth of the cells may be another population
    assert off["gone"] == 1
    assert off["everywhere"] == off["here"] == 0
    assert "nowhere" not in shown.columns
    usual = {name: shown.usual[column] for name, column in shown.columns.items()}
    assert usual["here"] < usual["everywhere"] < 1
    elsewhere = shown.off[shown.rows["1"], shown.columns["rare"]]
    assert 0 < elsewhere < 1  # few cells show it where it is, so its absence says less


def test_activity_takes_the_memory_of_its_tables():
    """Large data has millions of clusters times genes, so no more tables are made than the result has."""
    means = np.random.default_rng(0).random((200, 1_000))
    moments = Moments(np.full(200, 50.0), means, means, np.full(means.shape, 25.0))
    names, ids = [[str(number) for number in range(size)] for size in means.shape[::-1]]
    activity(moments, names, ids, {}, names)  # NumPy keeps what it needs for all calls
    tracemalloc.start()
    shown = activity(moments, names, ids, {}, names)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * (shown.on.nbytes + shown.off.nbytes + shown.fractions.nbytes)


def test_activity_of_some_genes():
    """Only known genes are in the tables, with the values that they have in those of all genes."""
    values, clustering = two_clusters()
    moments, known = gather(values, clustering), ("GONE", "RARE", "NOWHERE")
    whole = activity(moments, NAMES, ("0", "1"), OWN, NAMES)
    some = activity(moments, NAMES, ("0", "1"), {"gone": "GONE", "here": None, "ambient": "AMBIENT"}, known)
    assert some.columns == {"RARE": 0, "GONE": 1}  # no cell has the third
    assert activity(moments, NAMES, ("0", "1"), {}, ()).columns == {}
    for table, part in ((whole.on, some.on), (whole.off, some.off), (whole.fractions, some.fractions)):
        assert part.shape[1] == 3
        np.testing.assert_array_equal(table[:, whole.columns["gone"]], part[:, some.columns["GONE"]])


def test_no_activity():
    """Negative values have no zero, and small clusters show nothing."""
    values, clustering = two_clusters()
    assert activity(gather(values - 1, clustering), NAMES, ("0", "1"), OWN, NAMES) is None
    assert activity(gather(*two_clusters(5)), NAMES, ("0", "1"), OWN, NAMES) is None


def test_what_tells_nothing():
    """Values below zero, or clusters of few cells, say nothing of what is there and what is not."""
    values, clustering = two_clusters()
    assert found(values - 1, clustering) == {}
    assert found(*two_clusters(numbers.NUMBERS.min_cluster_cells - 1)) == {}


@pytest.mark.parametrize("method", ["t-test", "wilcoxon", "logreg"])
@pytest.mark.parametrize("stored", [True, False])
def test_beside_any_ranking(cells, method, stored, content):
    """Whatever ranked the genes, before or now, the expression is heard; nothing of the object changes."""
    import scanpy as sc

    if stored:
        sc.tl.rank_genes_groups(cells, "cluster", method=method)
    before = content(cells)
    made = read_markers(cells, read_clustering(cells, "cluster"), Ranking(n_markers=5, method=method)).clusters
    assert all(len(c.present) > 0 and len(c.absent) > 0 for c in made)
    assert all(not {g.name for g in c.present} & {g.name for g in c.absent} for c in made)
    assert content(cells) == before


def test_t_cells_alone(plant_types):
    """Data of T cells only: no cluster has CD3 above the others, and killers' genes make no NK cell."""
    both = "CD3D CD3E CD3G TRAC CD2 CD5 CD6 TRBC1".split()
    adata = plant_types(
        {
            "killer": (*both, *"NKG7 GZMB GZMH PRF1 GNLY CST7 CD8A CD8B CCL5".split()),
            "naive": (*both, *"CCR7 LEF1 SELL TCF7 MAL IL7R NOSIP".split()),
        }
    )
    report = gca.get.report(gca.tl.annotate(adata, "cluster", tissue="blood", copy=True))
    labels = {c.cluster_id: c.annotation.proposed_label for c in report.clusters}
    assert "T cell" in labels["killer"]
    assert "T cell" in labels["naive"]
    killer = next(c for c in report.clusters if c.cluster_id == "killer")
    assert {"CD3D", "CD3E"} <= set(killer.validation.supporting_markers)
