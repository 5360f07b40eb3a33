"""PanglaoDB: a gene a row (Franzén 2019)."""

from __future__ import annotations

import pandas as pd

from gca_scanpy.db._adapters.common import Format

SPECIES = {"Mm Hs": "both", "Hs Mm": "both", "Hs": "human", "Mm": "mouse"}
# Organ systems of PanglaoDB. Those that are everywhere bind a type to no tissue.
ORGANS = {
    "Immune system": "",
    "Connective tissue": "",
    "Vasculature": "",
    "Epithelium": "",
    "Smooth muscle": "",
    "NA": "",
    "GI tract": "stomach, intestine",
    "Blood": "blood, bone marrow",
    "Reproductive": "testis, ovary, uterus, prostate",
    "Olfactory system": "nose",
    "Zygote": "embryo",
}


def rows(table: pd.DataFrame, _file_name: str) -> pd.DataFrame:
    """Its rows; what is not marked canonical is supporting."""
    return pd.DataFrame(
        {
            "name": table["cell_type"],
            "gene": table["official_gene_symbol"],
            # A few rows say neither species; they are facts all the same.
            "species": table["species"].str.strip().map(SPECIES).fillna("both") if "species" in table else "both",
            "organ": table["organ"].str.strip() if "organ" in table else "",
            "strength": "canonical"
            if "canonical_marker" not in table
            else table["canonical_marker"].str.strip().isin(("1", "1.0")).map({True: "canonical", False: "supporting"}),
        }
    )


FORMAT = Format("panglaodb", frozenset({"cell_type", "official_gene_symbol"}), rows, ORGANS)
