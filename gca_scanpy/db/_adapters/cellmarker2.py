"""CellMarker 2.0 (Hu 2023): its download, a gene a row, and its reduction to a list of genes a row."""

from __future__ import annotations

import pandas as pd

from gca_scanpy._names.genes import looks_like_mouse
from gca_scanpy.db._adapters.common import Format, split_genes

# Longer lists are a paper's whole table of differential expression. Of them only what others list too is taken.
LONGEST = 250
ORGANS = {"Undefined": "", "Epithelium": ""}


def lists(table: pd.DataFrame, file_name: str) -> pd.DataFrame:
    """Rows of the reduced table: ``Tissue``, ``CT`` and the genes, each once for each paper."""
    rows = split_genes(pd.DataFrame({"name": table["ct"], "organ": table["tissue"].str.strip(), "gene": table["gene"]}))
    rows["gene"] = rows["gene"].str.strip()
    rows["species"] = _species(file_name, rows["gene"])
    return _weighed(rows)


def long(table: pd.DataFrame, file_name: str) -> pd.DataFrame:
    """Rows of the makers' ``Cell_marker_*.xlsx``."""
    genes = table["symbol"].str.strip() if "symbol" in table else table["marker"].str.strip()
    # Symbol is empty where the marker, as the paper writes it, is no gene that they know.
    genes = genes.where(genes.ne(""), table["marker"].str.strip()) if "marker" in table else genes
    tissue = next((table[name] for name in ("tissue_type", "tissue_class") if name in table), None)
    rows = pd.DataFrame(
        {
            "name": table["cell_name"],
            "organ": "" if tissue is None else tissue.str.strip(),
            "cl_id": table.get("cellontology_id", ""),
            "gene": genes,
            "species": _species(file_name, genes),
        }
    )
    if "species" in table:
        named = table["species"].str.strip().str.casefold()
        rows["species"] = named.where(named.isin(("human", "mouse")), rows["species"])
    return _weighed(rows)


def _species(file_name: str, genes: pd.Series) -> str:
    told = [species for species in ("human", "mouse") if species in file_name.casefold()]
    if len(told) == 1:
        return told[0]
    return "mouse" if looks_like_mouse(list(genes.unique())) else "human"


def _weighed(rows: pd.DataFrame) -> pd.DataFrame:
    """Canonical is what a cell has more than once, of whatever papers and tissues."""
    rows = rows[rows["gene"].ne("")]
    repeated = rows.duplicated(["name", "gene", "species"], keep=False)
    length = rows.groupby(["name", "organ", "species"], sort=False)["gene"].transform("nunique")
    rows = rows.assign(strength=repeated.map({True: "canonical", False: "supporting"}))
    return rows[repeated | length.le(LONGEST)]


LISTS = Format("cellmarker2", frozenset({"tissue", "ct", "gene"}), lists, ORGANS)
# Its ids are often those of a wider term.
LONG = Format("cellmarker2", frozenset({"cell_name", "marker"}), long, ORGANS, ids_first=False)
