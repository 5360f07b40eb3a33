"""GPT Cell Annotator's ``marker_db.parquet``, and tables that were written for it."""

from __future__ import annotations

import pandas as pd

from gca_scanpy.db._adapters.common import Format

SPECIES = {"homo sapiens": "human", "human": "human", "mus musculus": "mouse", "mouse": "mouse"}


def rows(table: pd.DataFrame, _file_name: str) -> pd.DataFrame:
    """Its facts; what it says of evidence and references is left out, because the scorer has no use for it."""
    empty = pd.Series("", table.index)
    return pd.DataFrame(
        {
            "name": table["cell_type"],
            "cl_id": table["ontology_id"],
            "gene": table["gene_symbol"],
            "species": table.get("species", empty).str.strip().str.casefold().map(SPECIES).fillna("both"),
            "organ": table.get("tissue", empty),
        }
    )


FORMAT = Format("", frozenset({"cell_type", "ontology_id", "gene_symbol"}), rows)
