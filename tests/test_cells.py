"""Mixed clusters in a run: the finding in the report, from every kind of matrix, and no cost if nothing is mixed."""

from __future__ import annotations

import re

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy._adata.clusters import Expression
from gca_scanpy._judging.mixture import note_of
from gca_scanpy._scoring import numbers
from gca_scanpy.db import _bundled

NEEDS = {"two": {"n_b": 30, "n_t": 30}, "doublets": {"n_both": 40}, "some": {"n_b": 15, "n_both": 45}}


def _mixture(adata, **options):
    gca.tl.annotate(adata, "cluster", tissue="blood", **options)
    return gca.get.report(adata).cluster("9")


def test_two_populations(mix):
    """The shares are those of the cells, the parts have term and genes, and the note says it in words."""
    cluster = _mixture(mix(n_b=30, n_t=30))
    first, second = cluster.mixture.parts
    assert (cluster.mixture.kind, cluster.mixture.both) == ("two_populations", pytest.approx(0, abs=0.02))
    assert [(p.label, p.ontology_id) for p in (first, second)] == [("B cell", "CL:0000236"), ("T cell", "CL:0000084")]
    assert (first.share, second.share) == (pytest.approx(0.5, abs=0.02), pytest.approx(0.5, abs=0.02))
    assert set(second.genes) == set(cluster.validation.contradictory_markers)
    assert set(first.genes) <= set(cluster.validation.supporting_markers)
    assert "the cells are two populations" in cluster.validation.notes[-1]
    assert "50% express only those of T cell" in cluster.validation.notes[-1]
    assert "gca_scanpy.tl.split" in cluster.validation.notes[-1]


def test_doublets(mix):
    """The same cells express both, next to cells of one of the two."""
    cluster = _mixture(mix(n_both=40))
    assert (cluster.mixture.kind, cluster.mixture.both) == ("doublets", pytest.approx(1, abs=0.02))
    assert "100% of the cells express the genes of B cell" in cluster.validation.notes[-1]
    assert "only those" not in cluster.validation.notes[-1]
    cluster = _mixture(mix(n_b=15, n_both=45))
    assert (cluster.mixture.kind, cluster.mixture.both) == ("doublets", pytest.approx(0.75, abs=0.05))
    assert "25% express only those of B cell" in cluster.validation.notes[-1]


def test_ambient_rna(mix):
    """A fifth of the profile of T cells in every B cell is no second lineage."""
    cluster = _mixture(mix(n_b=60, ambient=0.2))
    assert (cluster.status, cluster.annotation.primary_label, cluster.mixture) == ("supported", "B cell", None)


def test_undecided_cells_have_a_reason_and_no_shares(mix):
    """If no cells elsewhere are of either type, cells that express both may be of one type."""
    adata = mix(n_both=40)
    alone = adata[adata.obs["cluster"].isin(["9", "2", "3"])].copy()
    cluster = _mixture(alone)
    assert (cluster.mixture.kind, cluster.mixture.parts, cluster.mixture.both) == ("undecided", (), 0.0)
    assert "do not show whether" in cluster.validation.notes[-1]
    assert "no other cells express each of the two alone" in cluster.validation.notes[-1]


@pytest.mark.parametrize("kind", NEEDS)
def test_every_kind_of_object_gives_the_same(mix, kind, tmp_path):
    """Dense, counts, views and backed objects; only the counts are other values, with nearly the same shares."""
    adata = mix(**NEEDS[kind])
    expected = _mixture(adata.copy())
    dense = adata.copy()
    dense.X = dense.X.toarray()
    adata.write_h5ad(tmp_path / "cells.h5ad")
    for other in (dense, adata[:], ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")):
        found = _mixture(other)
        assert (found.mixture, found.validation.notes) == (expected.mixture, expected.validation.notes)
    with pytest.warns(gca.errors.RawCountsWarning):
        counts = _mixture(adata, layer="counts").mixture
    assert (counts.kind, counts.both) == (expected.mixture.kind, pytest.approx(expected.mixture.both, abs=0.1))


def test_a_stored_ranking_and_a_chunked_matrix(mix):
    """With Scanpy's own ranking, and from a Dask array, the finding is the same."""
    import scanpy as sc

    array = pytest.importorskip("dask.array")
    adata = mix(n_b=30, n_t=30)
    expected = _mixture(adata.copy()).mixture
    chunked = adata.copy()
    chunked.X = array.from_array(adata.X.toarray(), chunks=(64, 25))
    assert _mixture(chunked).mixture == expected
    sc.tl.rank_genes_groups(adata, "cluster", method="t-test")
    assert _mixture(adata).mixture.kind == expected.kind


def test_given_labels_are_explained_too(mix):
    """A label that is checked gets the same finding; a cluster of two lineages may have the label of either."""
    adata = mix(n_b=30, n_t=30)
    adata.obs["label"] = adata.obs["planted"].astype(str).where(adata.obs["cluster"] != "9", "T cell")
    gca.tl.validate(adata, "cluster", "label", tissue="blood")
    found = gca.get.report(adata).cluster("9").mixture
    assert found.kind == "two_populations"
    assert [part.label for part in found.parts] == ["T cell", "B cell"]


def test_a_label_that_is_just_wrong_is_no_mixture(cells):
    """T cells called B cells are flagged for their markers, and their cells show no second lineage to report."""
    cells.obs["label"] = cells.obs["planted"].astype(str).replace({"T cell": "B cell"})
    gca.tl.validate(cells, "cluster", "label", tissue="blood")
    cluster = gca.get.report(cells).cluster("1")
    assert (cluster.validation.flag_reasons, cluster.mixture) == (("contradictory_markers",), None)


def test_nothing_is_read_if_nothing_is_mixed(cells, mix, monkeypatch):
    """No matrix is touched for a run without mixed clusters; of a mixed one, only its genes and a sample are read."""
    calls, read = [], Expression.read
    monkeypatch.setattr(
        Expression, "read", lambda self, *what: calls.append(tuple(map(len, what))) or read(self, *what)
    )
    gca.tl.annotate(cells, "cluster", tissue="blood")
    assert calls == []
    adata = mix(n_b=30, n_t=30)
    cluster = _mixture(adata)
    assert calls == [(adata.n_obs, sum(len(part.genes) for part in cluster.mixture.parts))]


def test_large_clusters_are_sampled(mix):
    """A sample of the cluster and of each other cluster is read, with about the same answer."""
    adata = mix(n_b=60, n_t=60)
    with gca._scoring.numbers.override(mixture_cells=40, sampled_cells=20):
        found = _mixture(adata).mixture
    assert found.kind == "two_populations"
    assert found.parts[0].share == pytest.approx(0.5, abs=0.05)


def test_a_matrix_that_cannot_be_read_is_left_alone(mix, monkeypatch):
    """If NumPy cannot read the matrix, the run goes on without the finding."""

    def refuse(*_):
        raise gca.errors.InputError("no numbers")

    monkeypatch.setattr(Expression, "read", refuse)
    cluster = _mixture(mix(n_b=30, n_t=30))
    assert (cluster.mixture, cluster.validation.flag_reasons) == (None, ("mixed_lineage",))


def test_lists_of_genes_have_no_cells():
    """Without cells there is no finding."""
    report = gca.annotate_markers({"8": ["MS4A1", "CD3D", "CD79A", "CD3E", "CD79B", "TRAC"]}, tissue="blood")
    assert (report.clusters[0].validation.flag_reasons, report.clusters[0].mixture) == (("mixed_lineage",), None)


def test_tables_and_pages_show_it(mix, tmp_path):
    """The note is in the table, the CSV file and the page, and the JSON file keeps the parts."""
    adata = mix(n_b=30, n_t=30)
    note = _mixture(adata).validation.notes[-1]
    assert note in gca.get.clusters(adata).loc["9", "notes"]
    gca.io.to_csv(adata, tmp_path / "c.csv")
    assert note in pd.read_csv(tmp_path / "c.csv", dtype={"cluster": str}).set_index("cluster").loc["9", "notes"]
    assert "two populations" in gca.io.to_html(adata)
    gca.io.to_json(adata, tmp_path / "r.json")
    assert gca.io.read_report(tmp_path / "r.json") == gca.get.report(adata)


REAL = [
    ("CD56+ NK", "CD14+ Monocyte", 0.3),
    ("CD19+ B", "CD56+ NK", 0.5),
    ("CD14+ Monocyte", "CD4+/CD25 T Reg", None),  # half of each is labeled lymphocyte, without a flag
    ("Dendritic", "CD56+ NK", 0.7),
]


def _real(pbmc, first, second, share):
    """PBMCs with a cluster "mix" of six in ten cells of two types, in this share, or of their sums if it is None."""
    values, types = pbmc.raw.X.toarray(), pbmc.obs["bulk_labels"].astype(str).to_numpy()
    rng = np.random.default_rng(0)
    cells = [rng.permutation(np.flatnonzero(types == name)) for name in (first, second)]
    if share is None:
        n = int(0.6 * min(map(len, cells)))
        used = [part[:n] for part in cells]
        mixed, truth = np.log1p((np.expm1(values[used[0]]) + np.expm1(values[used[1]])) / 2), ["both"] * n
    else:
        n = min(int(0.6 * len(cells[0]) / share), int(0.6 * len(cells[1]) / (1 - share)))
        used = [cells[0][: round(share * n)], cells[1][: n - round(share * n)]]
        mixed, truth = values[np.concatenate(used)], [first] * len(used[0]) + [second] * len(used[1])
    rest = np.setdiff1d(np.arange(len(types)), np.concatenate(used))
    obs = pd.DataFrame({"cluster": ["mix"] * len(mixed) + list(types[rest]), "truth": truth + list(types[rest])})
    obs.index = obs.index.astype(str)
    return ad.AnnData(np.vstack([mixed, values[rest]]), obs=obs, var=pbmc.raw.var[[]])


@pytest.mark.parametrize(("first", "second", "share"), [mixed for mixed in REAL if mixed[2]])
def test_real_populations(pbmc, first, second, share):
    """Two types of blood cells in one cluster come back with their shares, and cell by cell."""
    adata = _real(pbmc, first, second, share)
    gca.tl.annotate(adata, "cluster", tissue="blood")
    mixture = gca.get.report(adata).cluster("mix").mixture
    assert mixture.kind == "two_populations"
    assert min(abs(part.share - share) for part in mixture.parts) < 0.2
    gca.tl.split(adata, "mix")
    parts = adata.obs[adata.obs["cluster"] == "mix"]
    table = pd.crosstab(parts["cluster_split"], parts["truth"]).reindex(["mix,0", "mix,1"]).fillna(0)
    assert set(table.idxmax(axis=1)) == {first, second}
    assert table.max(axis=1).sum() >= 0.95 * table.to_numpy().sum()


@pytest.mark.parametrize(("first", "second", "_"), REAL)
def test_real_doublets(pbmc, first, second, _):
    """The sums of a cell of each type are doublets."""
    adata = _real(pbmc, first, second, None)
    gca.tl.annotate(adata, "cluster", tissue="blood")
    mixture = gca.get.report(adata).cluster("mix").mixture
    assert mixture.kind == "doublets"
    assert mixture.both > 0.7


def _joined(pbmc, first=(), half=()):
    """PBMCs by Louvain cluster; some clusters, and every second cell of some others, are joined as "mix"."""
    clusters = pbmc.obs["louvain"].astype(str).to_numpy()
    in_mix = np.isin(clusters, first) | (np.isin(clusters, half) & (np.arange(len(clusters)) % 2 == 0))
    obs = pd.DataFrame({"cluster": np.where(in_mix, "mix", clusters), "from": clusters}, index=pbmc.obs_names)
    return ad.AnnData(pbmc.raw.X, obs=obs, var=pbmc.raw.var[[]])


@pytest.mark.parametrize(
    ("first", "half", "label", "other"),
    [
        ("4", "1", "B cell", "monocyte"),
        ("4", "2", "B cell", "dendritic cell"),
        ("3", "2", "natural killer cell", "dendritic cell"),
        ("4", "0", "T cell", "B cell"),  # these have lymphocyte in common, and that was the label
    ],
)
def test_a_lineage_that_other_clusters_have_too(pbmc, first, half, label, other):
    """Genes are not ranked if another cluster has them, too, but some of the cells express them."""
    adata = _joined(pbmc, [first], [half])
    gca.tl.annotate(adata, "cluster", tissue="blood")
    cluster = gca.get.report(adata).cluster("mix")
    assert (cluster.status, cluster.validation.flag_reasons) == ("flagged", ("mixed_lineage",))
    assert cluster.mixture.kind == "two_populations"
    parts = {part.label: part for part in cluster.mixture.parts}
    assert [any(name in part for part in parts) for name in (label, other)] == [True, True]
    second = cluster.mixture.parts[1]
    assert f"{second.label} is supported beside {cluster.annotation.proposed_label}" in cluster.validation.notes[0]
    assert set(second.genes) == set(cluster.validation.contradictory_markers)


@pytest.mark.parametrize("share", [0, 0.05, 0.2])
def test_ambient_rna_of_other_clusters_is_no_second_lineage(pbmc, share):
    """Real clusters are not flagged, whether or not each cell has this part of its RNA from all cells."""
    adata, rng = _joined(pbmc), np.random.default_rng(0)
    counts = np.expm1(adata.X.toarray())
    drops = rng.poisson(counts.mean(axis=0) / 2, counts.shape) * 2
    adata.X = np.log1p((1 - share) * counts + share * drops)
    gca.tl.annotate(adata, "cluster", tissue="blood")
    assert [c.cluster_id for c in gca.get.report(adata).clusters if "mixed_lineage" in c.validation.flag_reasons] == []


def test_doublets_beside_other_clusters_of_both(pbmc):
    """Doublets of T and B cells are no lymphocytes."""
    adata, rng = _joined(pbmc), np.random.default_rng(0)
    cells = [rng.permutation(np.flatnonzero(adata.obs["cluster"] == name))[:33] for name in ("4", "0")]
    values = adata.X.toarray()
    both = np.log1p((np.expm1(values[cells[0]]) + np.expm1(values[cells[1]])) / 2)
    rest = np.setdiff1d(np.arange(len(values)), np.concatenate(cells))
    obs = pd.DataFrame({"cluster": ["mix"] * 33 + list(adata.obs["cluster"].iloc[rest])}).set_axis(
        [str(n) for n in range(33 + len(rest))]
    )
    adata = ad.AnnData(np.vstack([both, values[rest]]), obs=obs, var=adata.var)
    gca.tl.annotate(adata, "cluster", tissue="blood")
    assert gca.get.report(adata).cluster("mix").mixture.kind == "doublets"


def test_neutral_numbers_switch_the_search_off(pbmc):
    """Without the search, the label stands."""
    adata = _joined(pbmc, ["4"], ["1"])
    with numbers.override(min_second_share=2.0):
        gca.tl.annotate(adata, "cluster", tissue="blood")
    assert gca.get.report(adata).cluster("mix").status == "supported"


def test_the_sentence_names_what_is_missing():
    """The note about ambient RNA names the lineage with the smaller share, whichever it is."""
    parts = tuple(gca.model.Part(name, None, share, ("A", "B")) for name, share in (("B cell", 0.0), ("T cell", 0.9)))
    note = note_of(gca.model.Mixture("ambient", parts), [part.label for part in parts])
    assert note.startswith("no cell is of the lineage of B cell: its genes (A, B)")


NK_AND_T = ("CD56+ NK", "CD8+ Cytotoxic T")


def test_two_related_types(pbmc):
    """Cells of two types of one lineage have the label that both share, with their parts, and can be split."""
    adata = _real(pbmc, *NK_AND_T, 0.5)
    gca.tl.annotate(adata, "cluster", tissue="blood")
    cluster, ontology = gca.get.report(adata).cluster("mix"), _bundled.ontology()
    assert (cluster.status, cluster.mixture.kind) == ("supported", "two_populations")
    parts = cluster.mixture.parts
    assert all(cluster.annotation.ontology_id in ontology.ancestors(part.ontology_id) for part in parts)
    assert cluster.path[-1].label == cluster.fine_label == cluster.annotation.primary_label
    assert all(f"of {part.label}" in cluster.validation.notes[-1] for part in parts)
    assert cluster.next_steps[0].kind == "recluster"
    gca.tl.split(adata, "mix")
    table = pd.crosstab(adata.obs["cluster_split"], adata.obs["truth"]).loc[["mix,0", "mix,1"], list(NK_AND_T)]
    assert set(table.idxmax(axis=1)) == set(NK_AND_T)
    assert table.max(axis=1).sum() >= 0.85 * table.to_numpy().sum()


def test_cells_of_one_type_keep_their_label(cells):
    """A cluster whose cells are of one type has no mixture."""
    gca.tl.annotate(cells, "cluster", tissue="blood")
    assert [cluster.mixture for cluster in gca.get.report(cells).clusters] == [None] * 4


def test_no_more_genes_are_known_than_there_are(cells):
    """The genes that the note counts are ranked ones: the cells express others of the label, too."""
    with numbers.override(chance=(-1000.0, 0.0, 0.0, 0.0)):
        gca.tl.annotate(cells, "cluster", tissue="blood", n_markers=3)
    notes = [cluster.validation.notes[0] for cluster in gca.get.report(cells).clusters]
    counts = [re.match(r"(\d+) of (\d+) genes are known", note) for note in notes]
    assert any(counts)
    assert all(int(count[1]) <= int(count[2]) for count in counts if count)
