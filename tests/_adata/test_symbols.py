"""Finding the gene symbols of a matrix."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gca_scanpy._adata.tables import gene_labels
from gca_scanpy.errors import MissingKeyError

IDS = ["ENSG00000156738", "ENSG00000105369.8", "ENSG00000167286", "ENSMUSG00000032094"]
SYMBOLS = ["MS4A1", "CD79A", "CD3D", "Cd3d"]


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


def test_a_column_that_is_not_there():
    """A wrong gene_symbols= is an error that lists the columns."""
    with pytest.raises(MissingKeyError, match=r"no \.var\['symbols'\]; columns: n_cells, name"):
        gene_labels(pd.DataFrame({"n_cells": [1], "name": ["A"]}, index=["x"]), "symbols")
