"""The user's own ranking: taken where it belongs to these clusters, and only there."""

from __future__ import annotations

import sys
import types
import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from gca_scanpy._adata import read_clustering
from gca_scanpy._ranking import scanpys
from gca_scanpy._ranking.read import read_markers
from gca_scanpy._steps import Ranking
from gca_scanpy.errors import InputError, MissingKeyError, RankingWarning, RawCountsWarning, StaleRankingWarning

N_MARKERS = 5  # as many as the rankings of these tests have


def used(adata, groups=None, **options):
    """What the genes were ranked with."""
    ranking = Ranking(**{"n_markers": N_MARKERS, **options})
    return read_markers(adata, read_clustering(adata, "cluster", groups), ranking).used


def test_the_users_ranking_is_used(cells, rank):
    """A ranking of this groupby is used as it is, not computed again."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="wilcoxon", n_genes=12)
    found, _ = rank(cells)
    assert found["0"] == list(cells.uns["rank_genes_groups"]["names"]["0"])
    assert used(cells)["rank_key"] == "rank_genes_groups"


def test_the_users_ranking_beside_raw_counts(cells):
    """A ranking of log-normalized values is used without a word, also where X holds raw counts now."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test", n_genes=5)
    cells.X = cells.layers["counts"].copy()
    assert used(cells)["rank_key"] == "rank_genes_groups"


def test_the_users_ranking_without_a_matrix(cells, rank):
    """A ranking is enough: an object whose X was dropped is read all the same."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test", n_genes=12)
    cells.X = None
    assert len(rank(cells)[0]["0"]) == 12


@pytest.mark.parametrize("n_genes", [1, 5, 9])
def test_a_short_ranking(cells, rank, is_planted, n_genes):
    """A ranking of fewer genes than are needed is said, and the genes are ranked again."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test", n_genes=n_genes)
    with pytest.warns(StaleRankingWarning, match=f"it has only {n_genes} genes per cluster; the genes are ranked ag"):
        found, _ = rank(cells)
    assert is_planted(found, "0", "B cell")


def test_a_ranking_by_absolute_scores(cells, lineages):
    """If genes that are lower take the places of others, a ranking is short, unless it has all genes."""
    import scanpy as sc

    few = cells[:, ~cells.var_names.isin(lineages["B cell"][3:])].copy()
    sc.tl.rank_genes_groups(few, "cluster", method="t-test", n_genes=20, rankby_abs=True)
    with pytest.warns(StaleRankingWarning, match=r"it has only \d genes per cluster; the genes are ranked again"):
        assert used(few)["rank_key"] is None
    sc.tl.rank_genes_groups(few, "cluster", method="t-test", rankby_abs=True)
    assert used(few)["rank_key"] == "rank_genes_groups"


def test_a_ranking_with_gaps(cells, rank, is_planted):
    """A ranking from which a filter removed nearly all genes is short."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test")
    names = cells.uns["rank_genes_groups"]["names"].astype([(key, "O") for key in "0123"])
    names["0"][2:] = np.nan
    cells.uns["rank_genes_groups"]["names"] = names
    with pytest.warns(StaleRankingWarning, match="it has only 2 genes per cluster; the genes are ranked again"):
        found, _ = rank(cells)
    assert is_planted(found, "0", "B cell")


def test_a_ranking_of_counts(cells):
    """If the layer or the .raw that was ranked has counts, that is said."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test", layer="counts", use_raw=False)
    with pytest.warns(
        RawCountsWarning, match=r"look like raw counts; if \.uns\['rank_genes_groups'\] was computed from"
    ):
        assert used(cells)["layer"] == "counts"
    cells.raw = cells.copy()
    cells.raw._X = cells.layers["counts"]
    sc.tl.rank_genes_groups(cells, "cluster", method="t-test")
    with pytest.warns(RawCountsWarning, match="look like raw counts"):
        assert used(cells)["use_raw"] is True


def test_a_ranking_of_ten_genes(cells, rank):
    """Ten genes per cluster are enough; they are used as they are."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test", n_genes=10)
    found, _ = rank(cells)
    assert list(found["0"]) == list(sc.get.rank_genes_groups_df(cells, "0")["names"])


def test_a_ranking_beside_values_without_a_logarithm(cells):
    """A stored ranking next to CPM is used, but this is said, because it was probably computed from them."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test")
    cells.X = cells.X.expm1() * 100
    with pytest.warns(RawCountsWarning, match=r"if \.uns\['rank_genes_groups'\] was computed from them, log-normalize"):
        assert used(cells)["rank_key"] == "rank_genes_groups"


def test_a_short_ranking_without_a_matrix(cells, rank):
    """If there is nothing to rank again, a short ranking is used, and this is said."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test", n_genes=5)
    cells.X = None
    with pytest.warns(RankingWarning, match="it has only 5 genes per cluster, and there are no values"):
        assert len(rank(cells)[0]["0"]) == 5


@pytest.mark.parametrize("form", [np.zeros_like, lambda x: sparse.csr_matrix(x.shape, dtype="float32")])
def test_a_short_ranking_beside_an_empty_matrix(cells, rank, form):
    """A matrix without any value cannot be ranked, so a short ranking beside it is used, and this is said."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test", n_genes=5)
    names = cells.uns["rank_genes_groups"]["names"]
    cells.X = form(cells.X.toarray() if sparse.issparse(cells.X) else cells.X)
    with pytest.warns(RankingWarning, match="it has only 5 genes per cluster, and there are no values"):
        found = rank(cells)[0]
    assert found == {cluster: list(names[cluster]) for cluster in names.dtype.names}


def test_a_long_ranking_beside_an_empty_matrix(cells, rank):
    """A matrix without any value contradicts no ranking."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test", n_genes=12)
    names = cells.uns["rank_genes_groups"]["names"]
    cells.X = np.zeros(cells.shape, dtype="float32")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rank(cells)[0] == {cluster: list(names[cluster]) for cluster in names.dtype.names}


@pytest.mark.parametrize(("n_markers", "is_used"), [(5, True), (12, True), (50, True), (100, True)])
def test_a_ranking_of_all_genes_is_long_enough(cells, n_markers, is_used):
    """A panel need not have as many genes as are asked for."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="wilcoxon")
    assert (used(cells, n_markers=n_markers)["method"] == "wilcoxon") == is_used


def test_a_ranking_of_missing_values(cells, rank, is_planted):
    """Scanpy loses genes with NaN, so a stored ranking of such a matrix is not used."""
    import scanpy as sc

    values = cells.X.toarray()
    values[0, :12] = np.nan
    cells.X = values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.tl.rank_genes_groups(cells, "cluster", method="t-test")
    with pytest.warns(StaleRankingWarning, match="NaN or infinite"), pytest.warns(RankingWarning, match="12 values"):
        found, _ = rank(cells)
    assert is_planted(found, "0", "B cell")


@pytest.mark.parametrize("method", ["t-test", "logreg", "wilcoxon"])
@pytest.mark.parametrize("asked", ["t-test", "logreg", "wilcoxon"])
def test_what_was_used_is_recorded(cells, method, asked):
    """The report has the method and the matrix of a stored ranking; another method that was asked for is said."""
    import scanpy as sc

    cells.layers["log"] = cells.X.copy()
    sc.tl.rank_genes_groups(cells, "cluster", method=method, layer="log", use_raw=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RankingWarning)
        found = used(cells, method=asked)
    assert {key: found[key] for key in ("method", "rank_key", "layer", "use_raw")} == {
        "method": method, "rank_key": "rank_genes_groups", "layer": "log", "use_raw": False
    }  # fmt: skip
    messages = [str(w.message) for w in caught if issubclass(w.category, RankingWarning)]
    assert len(messages) == (asked not in ("t-test", method))
    assert all(f"method={asked!r} is not used" in message for message in messages)


def test_what_was_used_is_recorded_without_a_ranking(cells):
    """If the genes are ranked anew, no key of a ranking is recorded, but the matrix is."""
    assert used(cells)["rank_key"] is None
    assert used(cells)["use_raw"] is False
    cells.raw = cells.copy()
    assert used(cells)["use_raw"] is True
    with pytest.warns(RankingWarning):
        assert (used(cells, layer="counts")["use_raw"], used(cells, layer="counts")["layer"]) == (False, "counts")


def test_a_ranking_under_another_key_is_used(cells):
    """rank_key= names the ranking; without it another is computed."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="wilcoxon", n_genes=5, key_added="mine")
    assert used(cells, rank_key="mine")["method"] == "wilcoxon"
    assert used(cells)["rank_key"] is None


def test_a_rank_key_that_is_not_there(cells):
    """A rank_key that is not there, or is no ranking, is an error that lists the rankings."""
    import scanpy as sc

    cells.uns["pca"] = {"params": {}}
    with pytest.raises(MissingKeyError, match=r"there is no \.uns\['min'\]; rankings in \.uns: none"):
        used(cells, rank_key="min")
    sc.tl.rank_genes_groups(cells, "cluster", method="wilcoxon", key_added="mine")
    with pytest.raises(MissingKeyError, match=r"there is no \.uns\['min'\]; rankings in \.uns: 'mine'"):
        used(cells, rank_key="min")
    with pytest.raises(InputError, match=r"\.uns\['pca'\] is not a ranking"):
        used(cells, rank_key="pca")


def test_a_named_ranking_of_other_clusters(cells):
    """A ranking that was named but is of another column is not used, which is said."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "planted", method="wilcoxon", key_added="mine")
    with pytest.warns(StaleRankingWarning, match=r"it ranks the clusters of \.obs\['planted'\]"):
        assert used(cells, rank_key="mine")["rank_key"] is None


@pytest.mark.parametrize("options", [{"layer": "log"}, {"use_raw": True}])
def test_a_ranking_of_another_matrix(cells, options):
    """A ranking of X is not one of the layer or of the .raw that is asked for; one of these is used."""
    import scanpy as sc

    cells.layers["log"] = cells.X.copy()
    cells.raw = cells.copy()
    sc.tl.rank_genes_groups(cells, "cluster", method="wilcoxon", n_genes=5, use_raw=False)
    assert used(cells, **options)["method"] == "t-test"
    sc.tl.rank_genes_groups(cells, "cluster", method="wilcoxon", n_genes=5, **{"use_raw": False, **options})
    assert used(cells, **options)["method"] == "wilcoxon"


def test_nan_names_of_a_filtered_ranking_are_left_out(cells, rank):
    """NaN names left by filter_rank_genes_groups are no genes."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test")
    sc.tl.filter_rank_genes_groups(cells, min_fold_change=3, max_out_group_fraction=0.3)
    names = cells.uns["rank_genes_groups_filtered"]["names"]["0"]
    found, _ = rank(cells, rank_key="rank_genes_groups_filtered", n_markers=50)
    assert any(not isinstance(name, str) for name in names)
    assert found["0"] == [name for name in names if isinstance(name, str)]


def test_a_stale_ranking_after_reclustering(cells, rank, is_planted):
    """Reclustering under the same key leaves a stale ranking: it is said, and the genes are ranked again."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test", n_genes=5)
    cells.obs["cluster"] = cells.obs["cluster"].cat.rename_categories({"3": "7_0"})
    with pytest.warns(StaleRankingWarning, match="clusters that are no longer there: 3"):
        found, _ = rank(cells)
    assert is_planted(found, "7_0", "natural killer cell")


@pytest.mark.parametrize("method", ["t-test", "wilcoxon", "logreg"])
def test_a_stale_ranking_under_the_same_ids(cells, rank, is_planted, method):
    """Clusters that were made anew have the same ids: their cells say so, and the genes are ranked again."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method=method)
    cells.obs["cluster"] = cells.obs["cluster"].cat.rename_categories({"0": "3", "3": "0"})
    with pytest.warns(StaleRankingWarning, match="first genes are not higher in 3, 0"):
        found, _ = rank(cells)
    assert is_planted(found, "0", "natural killer cell")
    assert is_planted(found, "3", "B cell")


@pytest.mark.parametrize("method", ["t-test", "wilcoxon", "logreg"])
@pytest.mark.parametrize("groupby", ["bulk_labels", "louvain", "phase"])
def test_a_ranking_of_real_cells_is_not_stale(pbmc, rank, groupby, method):
    """What Scanpy ranks of real cells, whichever way, is believed."""
    import scanpy as sc

    sc.tl.rank_genes_groups(pbmc, groupby, method=method)
    with warnings.catch_warnings():
        warnings.simplefilter("error", StaleRankingWarning)
        rank(pbmc, groupby)


def test_a_ranking_that_lacks_clusters(cells):
    """A ranking of some groups only is used for those, and replaced where another cluster is asked for."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", groups=["0", "2"], method="wilcoxon", n_genes=5)
    assert used(cells, groups=["0", "2"])["method"] == "wilcoxon"
    with pytest.warns(StaleRankingWarning, match="lacks the clusters 1, 3"):
        assert used(cells)["method"] == "t-test"


def test_a_ranking_against_one_group(cells, rank, is_planted):
    """reference="0" compares with one cluster, so it does not tell what is special of a cluster; ranked again."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", reference="0", method="t-test")
    with pytest.warns(StaleRankingWarning, match="compares with group '0'"):
        found, _ = rank(cells)
    assert is_planted(found, "0", "B cell")


def test_var_names_changed_after_ranking(cells, rank):
    """var_names changed after ranking: the names in the ranking mean nothing any more, so it is done again."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test")
    cells.var_names = [f"{name}_x" for name in cells.var_names]
    with pytest.warns(StaleRankingWarning, match="genes that are no longer there"):
        assert all(name.endswith("_x") for name in rank(cells)[0]["0"])


@pytest.mark.parametrize(
    "stored", [{"names": "x", "params": {"groupby": "cluster"}}, {"names": 1, "params": None}, "x", {"params": {}}]
)
def test_something_else_under_the_key(cells, stored, rank, is_planted):
    """What is not a ranking of Scanpy's is never an error: the genes are ranked."""
    cells.uns["rank_genes_groups"] = stored
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StaleRankingWarning)
        found, _ = rank(cells)
    assert is_planted(found, "1", "T cell")


@pytest.mark.parametrize("column", ["scores", "logfoldchanges", "pvals"])
@pytest.mark.parametrize("spoil", [lambda _: "x", lambda _: None, lambda _: [1, 2], lambda values: values[:3]])
def test_values_in_another_form(cells, column, spoil, rank, is_planted):
    """Values that do not belong to the names are never an error: the genes are ranked again, which is said."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test")
    cells.uns["rank_genes_groups"][column] = spoil(cells.uns["rank_genes_groups"][column])
    with pytest.warns(StaleRankingWarning, match=f"its {column} are not in Scanpy's form; the genes are ranked again"):
        found, _ = rank(cells)
    assert is_planted(found, "1", "T cell")


@pytest.mark.parametrize("stored", [True, False], ids=["the user's ranking", "our ranking"])
def test_logreg_with_two_groups(plant, stored, rank, is_planted):
    """Where logreg returns one of two groups, with the other's genes on top, both still get their own."""
    import scanpy as sc

    adata = plant((30, 30))
    if stored:
        sc.tl.rank_genes_groups(adata, "cluster", method="logreg")
        with pytest.warns(StaleRankingWarning, match="logreg"):
            found, _ = rank(adata)
    else:
        found, notes = rank(adata, method="logreg")
        assert "logreg" in notes["0"][0]
    assert is_planted(found, "0", "B cell")
    assert is_planted(found, "1", "T cell")


def test_raw_has_other_names_than_var(cells, lineages, rank):
    """A ranking of X whose genes .raw names otherwise is not stale."""
    import scanpy as sc

    other = cells.copy()
    other.var_names = [f"raw-{name}" for name in other.var_names]
    cells.raw = other
    sc.tl.rank_genes_groups(cells, "cluster", use_raw=False, method="t-test", n_genes=12)
    found, _ = rank(cells)
    assert set(found["0"]) == set(lineages["B cell"])


def _ranked_in(matrix, codes, groups):
    """A temporary object for the ranking by another package, with 4 clusters."""
    cells = pd.Categorical.from_codes(codes, list("0123"))
    obs = pd.DataFrame({"cluster": cells}, index=[str(i) for i in range(len(codes))])
    adata = anndata.AnnData(matrix, obs=obs, var=pd.DataFrame(index=[str(i) for i in range(matrix.shape[1])]))
    return adata, groups


@pytest.fixture
def tied():
    """Values with many ties, negative ones, a constant gene, and one that no cell expresses."""
    rng = np.random.default_rng(8)
    values = rng.poisson(0.7, (90, 23)).astype(np.float32)
    values[:, 3], values[:, 4], values[:5, 5], values[:, 6] = 0, 3, -2, rng.normal(size=90)
    return values, rng.integers(0, 4, 90)


@pytest.mark.parametrize("groups", [["0", "1", "2", "3"], ["3", "1"]])
@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix, np.asfortranarray])
def test_wilcoxon_by_illico_has_scanpys_scores(tied, form, groups):
    """Scores, fold changes and p-values are those of Scanpy, with ties and zeros, for sparse and dense values."""
    pytest.importorskip("illico")
    adata, groups = _ranked_in(form(tied[0]), tied[1], groups)
    for found, expected in zip(scanpys._by_illico(adata, groups), scanpys._in_blocks(adata, groups)):
        is_finite = np.isfinite(expected) & (np.abs(expected) < 20)  # a gene of one side only: any large fold change
        np.testing.assert_allclose(found[is_finite], expected[is_finite], rtol=1e-6, atol=1e-6)
        assert (found[~is_finite] > 0).tolist() == (expected[~is_finite] > 0).tolist()


@pytest.mark.parametrize("groups", [["0", "1", "2", "3"], ["3", "1"]])
def test_wilcoxon_in_blocks_of_genes(tied, groups, monkeypatch, caplog):
    """Without illico, Scanpy ranks some genes at a time: the same ranking, and the log says what is faster."""
    import scanpy as sc

    monkeypatch.setitem(sys.modules, "illico", None)
    monkeypatch.setattr(scanpys, "RANKED_AT_ONCE", 5 * 90)
    adata, groups = _ranked_in(sparse.csr_matrix(tied[0]), tied[1], groups)
    with caplog.at_level("INFO", logger="gca_scanpy"):
        found = scanpys._wilcoxon(adata, groups)
    assert "pip_install_illico" in caplog.text.replace(" ", "_")
    sc.tl.rank_genes_groups(adata, "cluster", groups=groups, method="wilcoxon")
    for key in groups:
        expected = dict(
            zip(adata.uns["rank_genes_groups"]["names"][key], adata.uns["rank_genes_groups"]["scores"][key])
        )
        assert dict(zip(found["names"][key], found["scores"][key])) == expected
        assert (np.diff(found["scores"][key]) <= 0).all()


def test_an_illico_that_fails(cells, rank, monkeypatch):
    """If illico cannot rank the values, as whole numbers, or is broken, Scanpy ranks them."""
    expected = rank(cells, method="wilcoxon")
    monkeypatch.setitem(sys.modules, "illico", types.SimpleNamespace(asymptotic_wilcoxon=lambda *_, **__: 1 / 0))
    assert rank(cells, method="wilcoxon") == expected
