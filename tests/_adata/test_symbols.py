"""Finding the gene symbols of a matrix."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gca_scanpy._adata.genes import labels_of
from gca_scanpy.db import _bundled

IDS = ["ENSG00000156738", "ENSG00000105369.8", "ENSG00000167286", "ENSMUSG00000032094"]
SYMBOLS = ["MS4A1", "CD79A", "CD3D", "Cd3d"]


def gene_labels(var, column):
    """The symbol of each gene."""
    return labels_of(var, column, _bundled.gene_names())[1]


@pytest.mark.parametrize("column", ["gene_symbols", "feature_name", "gene_name", "gene_short_name", "Symbol"])
def test_symbols_are_found_beside_ensembl_ids(column):
    """Ensembl ids as var_names, with and without version: the symbols come from the column that usually holds them."""
    var = pd.DataFrame({"n_cells": range(4), column: SYMBOLS}, index=IDS)
    assert gene_labels(var, None) == SYMBOLS


def test_symbols_in_a_categorical_column():
    """CELLxGENE keeps feature_name as a categorical; it is read all the same."""
    var = pd.DataFrame({"feature_name": pd.Categorical(SYMBOLS)}, index=pd.Index(IDS, name="feature_id"))
    assert gene_labels(var, None) == SYMBOLS


def test_symbols_in_the_index_stay():
    """Where var_names are symbols, no column is used in their place."""
    var = pd.DataFrame({"gene_symbols": ["a", "b", "c", "d"]}, index=SYMBOLS)
    assert gene_labels(var, None) == SYMBOLS


def test_a_missing_symbol_leaves_the_id():
    """NaN symbols and empty ones leave the Ensembl id, so that the gene is still told."""
    var = pd.DataFrame({"gene_symbols": ["MS4A1", np.nan, " ", None]}, index=IDS)
    assert gene_labels(var, None) == ["MS4A1", *IDS[1:]]


def test_a_column_of_ids_is_passed_over():
    """A column that holds Ensembl ids itself is not taken for symbols; the next one is."""
    var = pd.DataFrame({"gene_name": IDS, "Symbol": SYMBOLS}, index=["0", "1", "2", "3"])
    assert gene_labels(var, None) == SYMBOLS


def test_entrez_numbers_are_not_symbols():
    """Entrez numbers as var_names: the symbols come from .var."""
    var = pd.DataFrame({"symbol": SYMBOLS}, index=["931", "973", "915", "12500"])
    assert gene_labels(var, None) == SYMBOLS


def test_ids_without_symbols_stay():
    """Ensembl ids with no column of symbols stay; the pipeline maps them itself."""
    assert gene_labels(pd.DataFrame({"n_cells": range(4)}, index=IDS), None) == IDS


def test_the_users_column_wins():
    """gene_symbols= outranks the index and every other column."""
    var = pd.DataFrame({"mine": ["x", "y", "z", "w"], "gene_symbols": SYMBOLS}, index=IDS)
    assert gene_labels(var, "mine") == ["x", "y", "z", "w"]


@pytest.mark.parametrize(
    "column",
    [
        "Gene name",
        "Gene Name",
        "mgi_symbol",
        "hgnc_symbol",
        "external_gene_name",
        "gene_symbols-0",
        "SYMBOL",
        "feature_name",
        "features",
        "Unnamed: 3",
    ],
)
def test_symbols_are_found_by_their_values(column):
    """The column whose values are known symbols is used, whatever its name; a column of types is none."""
    var = pd.DataFrame({"gene_biotype": ["IG_gene", "TR_gene", "TR_gene", "lncRNA"], column: SYMBOLS}, index=IDS)
    assert gene_labels(var, None) == SYMBOLS


@pytest.mark.parametrize("fill", [np.nan, None, "", "NA", "ENSG00000156738", "n/a", "4321", "-"])
def test_a_column_half_full(fill):
    """A column that has symbols for half of the genes is used for these; the others keep their ids."""
    var = pd.DataFrame({"ids": IDS, "Gene name": [fill, "CD79A", fill, "Cd3d"]}, index=IDS)
    assert gene_labels(var, None)[1::2] == ["CD79A", "Cd3d"]
    assert all(label.startswith("ENSG") for label in gene_labels(var, None)[::2])


def test_the_fullest_column_is_used():
    """Of two columns with symbols, the one with more of them is used, in any order of the columns."""
    columns = {"gene_symbols": ["MS4A1", None, None, None], "other": SYMBOLS, "rank": [1, 2, 3, 4]}
    for names in (list(columns), list(columns)[::-1]):
        assert gene_labels(pd.DataFrame({name: columns[name] for name in names}, index=IDS), None) == SYMBOLS


def test_equally_full_columns():
    """Of equally full columns, the one with the more usual name is used, in any order of the columns."""
    columns = {"alias": ["CD20", "MB1", "T3D", "Cd3d"], "gene_symbols": SYMBOLS}
    for names in (list(columns), list(columns)[::-1]):
        assert gene_labels(pd.DataFrame({name: columns[name] for name in names}, index=IDS), None) == SYMBOLS


@pytest.mark.parametrize("column", ["_index", "features", "gene_ids", "id"])
@pytest.mark.parametrize("values", [SYMBOLS, IDS], ids=["symbols", "ids"])
def test_positions_are_no_names(column, values):
    """If the index is positions, as SeuratDisk leaves it, the names are in a column."""
    assert gene_labels(pd.DataFrame({column: values}, index=list("0123")), None) == values


def test_symbols_of_another_species():
    """Symbols that no table lists are found by the name of the column, if the index is ids."""
    symbols, ids = ["zgc:1", "si:2", "im:3"], ["ENSDARG00000000001", "ENSDARG00000000002", "ENSDARG00000000003"]
    assert gene_labels(pd.DataFrame({"x": ["u/a", "u/b", "u/c"], "gene_name": symbols}, index=ids), None) == symbols
