"""decoupler's networks: source (a cell type), target (a gene) and, where there is one, weight."""

from __future__ import annotations

import pandas as pd

from gca_scanpy.db._adapters.common import Format, species_by_case


def rows(table: pd.DataFrame, _file_name: str) -> pd.DataFrame:
    """Its edges; a gene with a weight below zero speaks against the type, one with zero says nothing."""
    weight = (
        pd.to_numeric(table["weight"], errors="coerce").fillna(1.0)
        if "weight" in table
        else pd.Series(1.0, table.index)
    )
    found = pd.DataFrame(
        {
            "name": table["source"],
            "gene": table["target"],
            "species": species_by_case(table["target"]),
            "role": weight.lt(0).map({True: "negative", False: "positive"}),
        }
    )
    return found[weight.ne(0)]


FORMAT = Format("", frozenset({"source", "target"}), rows)
