"""CellTypist's encyclopedia of immune cells: three curated markers a type (Domínguez Conde 2022)."""

from __future__ import annotations

import pandas as pd

from gca_scanpy.db._adapters.common import Format, split_genes


def rows(table: pd.DataFrame, _file_name: str) -> pd.DataFrame:
    """Its markers, a row each, with the Cell Ontology id that it gives."""
    found = pd.DataFrame(
        {
            "name": table["low-hierarchy_cell_types"],
            "cl_id": table.get("cell_ontology_id", ""),
            "gene": table["curated_markers"],
        }
    )
    return split_genes(found)


FORMAT = Format("celltypist", frozenset({"low-hierarchy_cell_types", "curated_markers"}), rows)
