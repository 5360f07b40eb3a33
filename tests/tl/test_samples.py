"""Clusters judged in each sample: which samples agree, which differ, and which clusters are one sample's alone."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy import _codec
from gca_scanpy._scoring import numbers
from gca_scanpy.errors import GcaWarning, InputError, MissingClusterWarning, MissingKeyError

IDS = ("A", "B", "C")


def sampled(plant, n=60, ids=IDS):
    """Planted cells, whose clusters are divided evenly among the samples."""
    cells = plant((n,) * 4)
    cells.obs["donor"] = pd.Categorical(np.array(ids)[np.arange(cells.n_obs) % len(ids)])
    return cells


def swap(cells, sample, first="0", second="1"):
    """Exchange the names of two clusters in one sample, as if it had been clustered apart."""
    names, own = cells.obs["cluster"].astype(str).to_numpy().copy(), (cells.obs["donor"] == sample).to_numpy()
    is_first, is_second = own & (names == first), own & (names == second)
    names[is_first], names[is_second] = second, first
    cells.obs["cluster"] = pd.Categorical(names)


def report_of(cells, **options):
    """The report of a run with samples."""
    gca.tl.annotate(cells, "cluster", tissue="blood", **{"sample_key": "donor", **options})
    return gca.get.report(cells)


def votes(cluster):
    """The votes of a cluster by sample."""
    return {one.sample: one.vote for one in cluster.samples}


def test_samples_that_agree(plant):
    """Where all samples have the same cells, each says what the whole says; the labels are those without samples."""
    cells = sampled(plant)
    report = report_of(cells)
    without = report_of(sampled(plant), sample_key=None)
    for cluster, alone in zip(report.clusters, without.clusters):
        assert votes(cluster) == dict.fromkeys(IDS, "agrees")
        assert [one.n_cells for one in cluster.samples] == [20, 20, 20]
        assert cluster.annotation == alone.annotation
        assert (cluster.status, cluster.confidence_score) == (alone.status, alone.confidence_score)
        assert alone.samples == ()
    assert report.parameters["sample_key"] == "donor"
    assert "sample_key" not in without.parameters
    assert _codec.from_json(_codec.to_json(report)) == report


def test_a_sample_with_other_cells(plant):
    """One of three samples has the T cells in the cluster of the B cells: it differs, and says so with its label."""
    cells = sampled(plant)
    swap(cells, "B")
    cluster = report_of(cells).cluster("0")
    assert votes(cluster) == {"A": "agrees", "B": "differs", "C": "agrees"}
    told = cluster.samples[1]
    assert "T cell" in told.label
    assert told.probability > 0.5
    assert told.common_label in ("", "lymphocyte", "leukocyte")
    assert "sample_disagreement" in cluster.validation.flag_reasons
    assert cluster.confidence != "High"
    assert any("1 of 3 samples differ: B (T cell" in note for note in cluster.validation.notes)


def test_one_sample_among_many(plant):
    """One of ten samples that differs is named in a caveat, and leaves the confidence as it is."""
    cells = sampled(plant, n=200, ids=[f"S{n}" for n in range(10)])
    before = report_of(cells).cluster("0")
    swap(cells, "S3")
    cluster = report_of(cells).cluster("0")
    assert [sample for sample, vote in votes(cluster).items() if vote == "differs"] == ["S3"]
    assert not {"sample_disagreement", "one_sample"} & set(cluster.validation.flag_reasons)
    assert any("1 of 10 samples differ: S3" in caveat for caveat in cluster.annotation.caveats)
    assert (cluster.status, cluster.confidence) == (before.status, before.confidence)


@pytest.mark.parametrize(("n_others", "is_alone"), [(0, True), (2, True), (15, False)])
def test_the_cluster_of_one_sample(plant, n_others, is_alone):
    """A cluster with 90 % of its cells from one of three equal samples is flagged as that sample's, but not stopped."""
    cells = sampled(plant)
    own = np.flatnonzero(cells.obs["cluster"] == "3")
    donors = cells.obs["donor"].astype(str).to_numpy().copy()
    donors[own], donors[own[:n_others]] = "A", "B"
    cells.obs["donor"] = donors
    report = report_of(cells)
    cluster = report.cluster("3")
    assert ("one_sample" in cluster.validation.flag_reasons) == is_alone
    assert cluster.status == "supported"
    if is_alone:
        assert cluster.confidence != "High"
        assert any("come from sample A, which has 33% of the other cells" in note for note in cluster.validation.notes)
    assert not any("one_sample" in c.validation.flag_reasons for c in report.clusters if c.cluster_id != "3")


def test_one_sample_that_has_nearly_all_cells(plant):
    """Where a sample has most cells of each cluster, or there is one sample only, nothing is flagged."""
    cells = sampled(plant)
    cells.obs["donor"] = np.where(np.arange(cells.n_obs) % 20 == 0, "B", "A")
    cells.obs["only"] = "A"
    assert not any("one_sample" in c.validation.flag_reasons for c in report_of(cells).clusters)
    assert not any("one_sample" in c.validation.flag_reasons for c in report_of(cells, sample_key="only").clusters)


def test_who_abstains(plant):
    """Few cells of the cluster, few other cells, and cells that say nothing are no votes; no cells are no entry."""
    cells = sampled(plant)
    donors, clusters = cells.obs["donor"].astype(str).to_numpy().copy(), cells.obs["cluster"].to_numpy()
    least = numbers.NUMBERS.min_sample_cells
    donors[np.flatnonzero(clusters == "0")[: least - 1]] = "few"
    donors[np.flatnonzero(clusters == "1")[:least]] = "alone"
    values, unclear = cells.X.toarray(), np.flatnonzero(clusters == "2")[:least]
    donors[unclear], donors[np.flatnonzero(clusters == "3")[:20]] = "silent", "silent"
    values[unclear] = 0.0
    cells.X, cells.obs["donor"] = values, donors
    report = report_of(cells)
    assert votes(report.cluster("0"))["few"] == "too_few"
    assert votes(report.cluster("1"))["alone"] == "no_contrast"
    assert votes(report.cluster("2"))["silent"] == "unclear"
    assert "silent" not in votes(report.cluster("0"))
    for cluster in report.clusters:
        assert set(votes(cluster).values()) <= {"agrees", "too_few", "no_contrast", "unclear"}
        assert "sample_disagreement" not in cluster.validation.flag_reasons


def test_the_order_does_not_matter(plant):
    """Shuffled cells and renamed, reordered categories: the same answers."""
    cells = sampled(plant)
    swap(cells, "B")
    order = np.random.default_rng(1).permutation(cells.n_obs)
    other = cells[order].copy()
    other.obs["donor"] = other.obs["donor"].cat.reorder_categories(["C", "A", "B"])
    first, second = report_of(cells), report_of(other)
    for one, two in zip(first.clusters, second.clusters):
        assert {s.sample: s for s in one.samples} == {s.sample: s for s in two.samples}
        assert [s.sample for s in two.samples] == ["C", "A", "B"]
        assert (one.annotation.primary_label, one.confidence) == (two.annotation.primary_label, two.confidence)
        assert one.validation.flag_reasons == two.validation.flag_reasons


@pytest.mark.parametrize(
    "names",
    [
        [1, 2, 3],
        [1.0, 2.0, 3.0],
        [True, False, True],
        ["a/b", "a | b", ""],
        ["nan", "rest", "None"],
        ["α", "日本", "🧫"],
    ],
    ids=str,
)
def test_names_of_samples(plant, names):
    """Numbers, truth values, empty and odd names of samples are kept as text."""
    cells = sampled(plant)
    cells.obs["donor"] = np.array(names)[np.arange(cells.n_obs) % 3]
    report = report_of(cells)
    expected = {str(int(name)) if isinstance(name, float) else str(name) for name in names}
    assert set(votes(report.cluster("0"))) == expected


def test_cells_without_a_sample(plant):
    """They count for their cluster and for no sample, and the run warns of them."""
    cells = sampled(plant)
    donors = cells.obs["donor"].astype(object).to_numpy().copy()
    donors[:6] = None
    cells.obs["donor"] = donors
    with pytest.warns(MissingClusterWarning, match="6 of 240 cells have a cluster but no sample in .obs\\['donor'\\]"):
        report = report_of(cells)
    cluster = report.cluster("0")
    assert cluster.n_cells == 60
    assert sum(one.n_cells for one in cluster.samples) == 54
    assert any("no sample" in warning for warning in report.warnings)


def test_cells_without_a_cluster(plant):
    """They are in no cluster of any sample, and need no sample."""
    cells = sampled(plant)
    clusters = cells.obs["cluster"].astype(object).to_numpy().copy()
    clusters[:6] = None
    donors = cells.obs["donor"].astype(object).to_numpy().copy()
    donors[:6] = None
    cells.obs["cluster"], cells.obs["donor"] = clusters, donors
    with warnings.catch_warnings():
        warnings.simplefilter("error", GcaWarning)
        cluster = report_of(cells).cluster("0")
    assert (cluster.n_cells, sum(one.n_cells for one in cluster.samples)) == (54, 54)


@pytest.mark.parametrize(
    ("column", "error", "text"),
    [
        ("nowhere", MissingKeyError, "there is no .obs\\['nowhere'\\]; columns that hold groups: .*'donor'"),
        ("cluster", InputError, "sample_key='cluster' is the column of the clusters"),
        ("empty", InputError, "no cell has a sample in .obs\\['empty'\\]"),
        ("barcode", InputError, "a different value for each of its 240 cells, so it is not a column of samples"),
        ("depth", InputError, "so it is a measure and not a column of samples"),
        (3, InputError, "sample_key=3 must be the name of a column of .obs"),
    ],
)
def test_columns_without_samples(plant, column, error, text, content):
    """A column that holds no samples is refused before anything is written."""
    cells = sampled(plant)
    cells.obs["empty"] = np.nan
    cells.obs["barcode"] = cells.obs_names.to_numpy()
    cells.obs["depth"] = np.arange(cells.n_obs) // 2 + 0.5
    before = content(cells)
    with pytest.raises(error, match=text):
        report_of(cells, sample_key=column)
    assert content(cells) == before


def test_some_clusters_only(plant):
    """With groups, only these are judged, against all other cells of each sample."""
    report = report_of(sampled(plant), groups=["2"])
    assert [cluster.cluster_id for cluster in report.clusters] == ["2"]
    assert votes(report.clusters[0]) == dict.fromkeys(IDS, "agrees")


@pytest.mark.parametrize("method", ["t-test", "wilcoxon", "logreg"])
def test_a_stored_ranking(plant, method):
    """It is used for the clusters; the samples are ranked from the matrix. The labels are those of a run without."""
    import scanpy as sc

    cells = sampled(plant)
    swap(cells, "B")
    sc.tl.rank_genes_groups(cells, "cluster", method=method)
    report, without = report_of(cells), report_of(cells, sample_key=None)
    assert report.parameters["rank_key"] == "rank_genes_groups"
    assert votes(report.cluster("0")) == {"A": "agrees", "B": "differs", "C": "agrees"}
    assert [c.annotation.proposed_label for c in report.clusters] == [
        c.annotation.proposed_label for c in without.clusters
    ]
    assert [c.candidates for c in report.clusters] == [c.candidates for c in without.clusters]


def test_a_ranking_without_a_matrix(plant):
    """Samples cannot be ranked without values: the error says that a matrix is needed."""
    import scanpy as sc

    cells = sampled(plant)
    sc.tl.rank_genes_groups(cells, "cluster")
    cells.X = None
    del cells.layers["counts"]
    assert report_of(cells, sample_key=None).clusters
    with pytest.raises(InputError, match="sample_key='donor' needs an expression matrix"):
        report_of(cells)


@pytest.mark.parametrize("layer", ["counts", "dense", "csc", "nan"])
def test_other_matrices(plant, layer):
    """Raw counts, dense and CSC matrices, and missing values: the samples are read as the clusters are."""
    cells = sampled(plant)
    swap(cells, "B")
    cells.layers["dense"], cells.layers["csc"] = cells.X.toarray(), cells.X.tocsc()
    cells.layers["nan"] = cells.X.toarray()
    cells.layers["nan"][::7, 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GcaWarning)
        cluster = report_of(cells, layer=layer).cluster("0")
    assert votes(cluster) == {"A": "agrees", "B": "differs", "C": "agrees"}


def test_given_by_a_model(plant, fake_model):
    """The samples are judged offline, whoever gave the label: here a model that calls all clusters B cells."""
    cells = sampled(plant)
    report = report_of(cells, model=gca.Asking(fake_model(), cache=False))
    assert votes(report.cluster("0")) == dict.fromkeys(IDS, "agrees")
    assert votes(report.cluster("2")) == dict.fromkeys(IDS, "differs")


def chunked(cells, read):
    """The cells with a matrix in ten chunks, which records each chunk that is read."""
    array = pytest.importorskip("dask.array")
    values = cells.X.toarray()
    rows = np.array_split(np.arange(cells.n_obs), 10)

    def block(block_info=None):
        place = block_info[None]["chunk-location"][0]
        read.append(place)
        return values[rows[place]]

    lazy = cells.copy()
    chunks = (tuple(map(len, rows)), (cells.n_vars,))
    lazy.X = array.map_blocks(block, chunks=chunks, dtype=values.dtype, meta=np.empty((0, 0), dtype=values.dtype))
    return lazy


@pytest.mark.parametrize("stored", [False, True])
def test_chunks_are_not_read_more_often(plant, stored):
    """Out of core, a run with samples reads no chunk more often than one without, and gives the report of memory."""
    import scanpy as sc

    cells, read = sampled(plant), []
    swap(cells, "B")
    if stored:
        sc.tl.rank_genes_groups(cells, "cluster")
    counts = []
    for key in (None, "donor"):
        lazy = chunked(cells, read)
        read.clear()
        report = report_of(lazy, sample_key=key)
        counts.append(sorted(read))
    assert counts[0] == counts[1]
    assert counts[1].count(9) <= 3  # once more for the cells of all suspected mixtures, and of all that were found
    assert report.clusters == report_of(cells).clusters


def test_a_backed_object(plant, tmp_path):
    """The report of a backed h5ad is that of memory, also beside a stored ranking."""
    import anndata
    import scanpy as sc

    cells = sampled(plant)
    swap(cells, "B")
    for name in ("anew", "stored"):
        cells.write_h5ad(tmp_path / f"{name}.h5ad")
        backed = anndata.read_h5ad(tmp_path / f"{name}.h5ad", backed="r")
        found, expected = report_of(backed), report_of(cells.copy())
        assert [c.samples for c in found.clusters] == [c.samples for c in expected.clusters]
        backed.file.close()
        sc.tl.rank_genes_groups(cells, "cluster")


def test_where_the_samples_are_shown(plant, tmp_path, everywhere):
    """CSV, page, review and Cell Annotation Schema have the votes of the samples; short names are used in all."""
    from gca_scanpy._ui.desk import evidence

    cells = sampled(plant)
    swap(cells, "B")
    report = report_of(cells)
    gca.io.to_csv(report, tmp_path / "c.csv")
    table = pd.read_csv(tmp_path / "c.csv", dtype={"cluster": str}).set_index("cluster")
    assert (table.loc["0", "samples_agreeing"], table.loc["0", "samples_differing"]) == (2, 1)
    assert "B: 20 cells, differs (T cell 0." in table.loc["0", "samples"]
    page = gca.io.to_html(report)
    assert page.count('<table class="samples">') == 4
    assert "no vote" not in page
    assert "<b>differs</b>: T cell" in evidence(report, "0")
    assert gca.io.to_cas(cells)["annotations"][0]["author_annotation_fields"]["samples"].startswith("A: 20 cells")
    assert everywhere(report) == {}


def test_without_samples(plant, tmp_path):
    """A run without samples has no section and empty columns."""
    report = report_of(sampled(plant), sample_key=None)
    gca.io.to_csv(report, tmp_path / "c.csv")
    assert pd.read_csv(tmp_path / "c.csv")[["samples_agreeing", "samples_differing", "samples"]].isna().all(axis=None)
    assert '<table class="samples">' not in gca.io.to_html(report)
