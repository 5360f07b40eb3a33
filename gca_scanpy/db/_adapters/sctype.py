"""ScTypeDB: lists of positive and negative markers, human symbols for the most part (Ianevski 2022)."""

from __future__ import annotations

import pandas as pd

from gca_scanpy.db._adapters.common import Format, split_genes

LISTS = {"positive": "genesymbolmore1", "negative": "genesymbolmore2"}


def rows(table: pd.DataFrame, _file_name: str) -> pd.DataFrame:
    """Its genes, a row each."""
    parts = [
        pd.DataFrame(
            {"name": table["cellname"], "organ": table["tissuetype"].str.strip(), "gene": table[column], "role": role}
        )
        for role, column in LISTS.items()
        if column in table
    ]
    found = split_genes(pd.concat(parts, ignore_index=True))
    found["gene"] = found["gene"].str.strip()
    # "Y_RNA" and "Fc-epsilon RI-alpha" are no symbols.
    return found[found["gene"].str.fullmatch(r"[\w.\-@]+") & found["gene"].ne("Y_RNA")]


FORMAT = Format("sctype", frozenset({"tissuetype", "cellname", LISTS["positive"]}), rows, {"Immune system": ""})
