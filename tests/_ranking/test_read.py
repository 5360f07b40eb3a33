"""Ranking the genes of each cluster where the user has not."""

from __future__ import annotations

import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from gca_scanpy.errors import InputError, MissingKeyError, RankingWarning, RawCountsWarning


@pytest.mark.parametrize("method", ["t-test", "t-test_overestim_var", "wilcoxon", "logreg"])
def test_planted_markers_are_found(cells, lineages, content, method, rank, is_planted):
    """Each method of Scanpy finds the planted genes of every cluster, and leaves the object alone."""
    before = content(cells)
    found, warnings = rank(cells, method=method)
    assert all(is_planted(found, str(i), label) for i, label in enumerate(lineages))
    assert warnings == dict.fromkeys("0123", ())
    assert content(cells) == before


@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
def test_explicit_zeros_in_the_matrix_stay(cells, content, method, rank):
    """Scanpy prunes stored zeros of a sparse matrix while it ranks; those of the user's X stay."""
    cells.X.data[::7] = 0
    before = content(cells)
    rank(cells, method=method)
    assert content(cells) == before


def test_chance_marks_nothing(plant, rank, is_planted):
    """In a panel of few genes, those that are higher by chance are no markers, however many are asked for."""
    found, _ = rank(plant((30, 30, 30)), n_markers=50)
    assert is_planted({"0": found["0"][:12]}, "0", "B cell")
    assert all(len(genes) < 20 for genes in found.values())


@pytest.mark.parametrize("groups", [["1"], ["1", "2"]])
def test_logreg_of_some_groups(cells, groups, rank, is_planted):
    """With groups=, logreg still compares with all clusters."""
    found, _ = rank(cells, groups=groups, method="logreg")
    assert list(found) == groups
    assert is_planted(found, "1", "T cell")


def test_a_group_of_one_cell(plant, rank, is_planted):
    """A group of one cell has a reason in place of genes, and the rest are ranked."""
    found, warnings = rank(plant((30, 30, 30, 1)))
    assert found["3"] == []
    assert warnings["3"] == ("the cluster has one cell, so no marker genes can be computed for it",)
    assert is_planted(found, "0", "B cell")
    assert warnings["0"] == ()


@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
def test_a_single_cluster(plant, rank, method):
    """A single cluster has nothing to be compared with; that is its reason."""
    found, warnings = rank(plant((30,)), method=method)
    assert found == {"0": []}
    assert "only one cluster" in warnings["0"][0]


@pytest.mark.parametrize("key", ["", "7_0", "NK/T cell", "rest", "nan", "β-Zelle", "x" * 300, "f0", "a\tb"])
def test_any_cluster_id_is_ranked(cells, key, rank, is_planted):
    """Ids such as 7_0, NK/T cell, the empty string, "rest", unicode and very long: each has its own genes."""
    cells.obs["cluster"] = cells.obs["cluster"].cat.rename_categories({"0": key})
    found, warnings = rank(cells)
    assert list(found) == [key, "1", "2", "3"]
    assert is_planted(found, key, "B cell")
    assert warnings[key] == ()


@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
@pytest.mark.parametrize("without", ["3", "13"], ids=["some", "most"])
def test_cells_without_a_cluster_do_not_count(plant, without, method, rank, is_planted):
    """NaN cells, few or most of them, are neither in a cluster nor in the rest."""
    cells = plant((30, 60, 30, 60))
    values = cells.obs["cluster"].astype(object)
    values[values.isin(list(without))] = np.nan
    cells.obs["cluster"] = values.astype("category")
    found, _ = rank(cells, method=method)
    assert list(found) == [key for key in "0123" if key not in without]
    assert is_planted(found, "2", "monocyte")


def test_integer_clusters_are_ranked(cells, rank, is_planted):
    """Integer categories have their genes; Scanpy's group names are strings, and a lookup by number finds nothing."""
    cells.obs["cluster"] = pd.Categorical(cells.obs["cluster"].astype(int))
    assert is_planted(rank(cells)[0], "3", "natural killer cell")


def test_raw_counts_are_said(cells, content, rank, is_planted):
    """Raw counts where log-normalized values were meant: said, normalized for the ranking, and left as they are."""
    cells.X = cells.layers["counts"].copy()
    before = content(cells)
    with pytest.warns(RawCountsWarning, match="raw counts"):
        found, _ = rank(cells)
    assert is_planted(found, "0", "B cell")
    assert content(cells) == before


@pytest.mark.parametrize("kind", [np.int32, np.float64])
def test_dense_and_integer_counts(cells, kind, rank, is_planted):
    """A layer of counts, dense and integer too, is ranked as if log-normalized."""
    cells.layers["dense"] = cells.layers["counts"].toarray().astype(kind)
    with pytest.warns(RawCountsWarning):
        assert is_planted(rank(cells, layer="dense")[0], "2", "monocyte")


def test_scaled_values_are_ranked_by_score(cells, rank, is_planted):
    """Scaled X has no fold changes, all NaN: the score decides."""
    values = cells.X.toarray()
    cells.X = ((values - values.mean(0)) / values.std(0)).astype(np.float32)
    assert is_planted(rank(cells)[0], "1", "T cell")


def test_a_layer_is_ranked(cells, rank, is_planted):
    """layer= ranks that matrix, whatever is in X."""
    cells.layers["log"] = cells.X.copy()
    cells.X = sparse.csr_matrix(cells.shape, dtype=np.float32)
    assert is_planted(rank(cells, layer="log")[0], "0", "B cell")
    assert rank(cells)[1]["0"] == ("no gene is higher in this cluster than in the others beyond chance",)


def test_wrong_layers_and_raw(cells, rank):
    """A layer that is not there lists those there are; layer with use_raw, and use_raw without .raw, are refused."""
    with pytest.raises(MissingKeyError, match=r"no layer 'x'; layers: 'counts'"):
        rank(cells, layer="x")
    with pytest.raises(InputError, match="exclude each other"):
        rank(cells, layer="counts", use_raw=True)
    with pytest.raises(InputError, match=r"\.raw is None"):
        rank(cells, use_raw=True)


def test_raw_has_more_genes_than_var(cells, lineages, rank, is_planted):
    """With .raw, ranked genes need not be in var_names."""
    cells.raw = cells
    small = cells[:, lineages["T cell"]].copy()
    assert is_planted(rank(small)[0], "0", "B cell")
    assert set(rank(small, use_raw=False)[0]["1"]) == set(lineages["T cell"])


def test_symbols_of_raw_genes_in_var(cells, rank, is_planted):
    """.raw with Ensembl ids and no column of its own takes the symbols from .var."""
    names = list(cells.var_names)
    cells.var_names = [f"ENSG{i:011d}" for i in range(cells.n_vars)]
    cells.raw = cells
    cells.var["gene_symbols"] = names
    assert is_planted(rank(cells)[0], "0", "B cell")
    assert is_planted(rank(cells, gene_symbols="gene_symbols")[0], "0", "B cell")


@pytest.mark.filterwarnings("ignore:Variable names are not unique")
def test_duplicate_var_names(cells, rank, is_planted):
    """Duplicate var_names are ranked; a named var index too."""
    names = list(cells.var_names)
    names[-1] = names[-2]
    cells.var.index = pd.Index(names, name="gene")
    assert is_planted(rank(cells)[0], "0", "B cell")


def test_no_matrix_and_no_ranking(cells, rank):
    """An object without X says that there is nothing to rank."""
    cells.X = None
    with pytest.raises(InputError, match=r"\.X is None"):
        rank(cells)


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix, np.asarray])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("layer", ["log", "counts"])
def test_missing_values_remove_no_gene(cells, lineages, rank, is_planted, form, value, layer):
    """One NaN in each gene: it is said with counts, and every planted gene is found all the same."""
    values = (cells.X if layer == "log" else cells.layers["counts"]).toarray()
    values[np.arange(cells.n_vars) % cells.n_obs, np.arange(cells.n_vars)] = value
    cells.X = form(values)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RankingWarning)
        found, _ = rank(cells)
    assert any("68 values of the matrix are NaN or infinite, in 68 of 68 genes" in str(w.message) for w in caught)
    assert all(is_planted(found, str(i), label) for i, label in enumerate(lineages))


def test_batches_joined_outer(plant, rank, is_planted):
    """Two dense batches joined outer: a gene that one batch lacks is ranked by the cells of the other."""
    first, second = plant(seed=1), plant(seed=2)
    first.X, second.X = first.X.toarray(), second.X.toarray()
    second = second[:, second.var_names != "CD79A"].copy()
    joined = anndata.concat([first, second], join="outer", index_unique="-")
    assert np.isnan(joined.X).any()
    with pytest.warns(RankingWarning, match=r"120 values .* in 1 of 68 genes and in up to 120 of 240 cells"):
        found, _ = rank(joined)
    assert is_planted(found, "0", "B cell")


def test_many_infinite_values(cells, rank):
    """The log of zero is no missing value: the matrix is refused."""
    with np.errstate(divide="ignore"):
        cells.X = np.log(cells.layers["counts"].toarray())
    with pytest.raises(InputError, match=r"are infinite, as the log of zero is: use log1p"):
        rank(cells)


@pytest.mark.parametrize("method", ["wilcoxon", "logreg"])
def test_methods_that_need_every_value(cells, rank, method):
    """Scanpy's other methods lose genes with NaN without a word, so they are refused."""
    values = cells.X.toarray()
    values[0, 0] = np.nan
    cells.X = values
    with pytest.raises(InputError, match=f"method='{method}' needs a value for each cell and gene"):
        rank(cells, method=method)


def test_one_cell_outside_the_cluster(plant, rank):
    """A rest of one cell has no variance to compare with: no gene, and the reason (older Scanpy divided by zero)."""
    found, warnings = rank(plant((30, 1)))
    assert found == {"0": [], "1": []}
    assert "only one cell outside" in warnings["0"][0]
    assert "has one cell" in warnings["1"][0]
