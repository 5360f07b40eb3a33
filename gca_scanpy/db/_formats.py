"""The formats of other people's marker tables: a function for each, and the table FORMATS that recognizes them.

A new format is a function here, from the maker's columns to rows, and a line in FORMATS.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Optional

import pandas as pd

from gca_scanpy._names.genes import looks_like_mouse
from gca_scanpy._statistics import numbers_of
from gca_scanpy.db._adapt import Format, header_key, species_by_case, split_genes

# Organ systems of PanglaoDB. Those that are everywhere bind a type to no tissue.
PANGLAODB_ORGANS = {
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
PANGLAODB_SPECIES = {"Mm Hs": "both", "Hs Mm": "both", "Hs": "human", "Mm": "mouse"}
CELLMARKER_ORGANS = {"Undefined": "", "Epithelium": ""}
# A longer list is a paper's whole table of differential expression: only genes that another list repeats are taken.
CELLMARKER_LONGEST = 250
SCTYPE_LISTS = {"positive": "genesymbolmore1", "negative": "genesymbolmore2"}
GPT_CELL_ANNOTATOR_SPECIES = {"homo sapiens": "human", "human": "human", "mus musculus": "mouse", "mouse": "mouse"}
CL_ID = r"CL[:_]\d{7}"


def panglaodb(table: pd.DataFrame, _file_name: str) -> pd.DataFrame:
    """PanglaoDB (Franzén 2019), a gene a row; what is not marked as canonical is supporting."""
    return pd.DataFrame(
        {
            "name": table["cell_type"],
            "gene": table["official_gene_symbol"],
            # A few rows state no species; they are facts all the same.
            "species": table["species"].str.strip().map(PANGLAODB_SPECIES).fillna("both")
            if "species" in table
            else "both",
            "organ": table["organ"].str.strip() if "organ" in table else "",
            "strength": "canonical"
            if "canonical_marker" not in table
            else table["canonical_marker"].str.strip().isin(("1", "1.0")).map({True: "canonical", False: "supporting"}),
        }
    )


def cellmarker_lists(table: pd.DataFrame, file_name: str) -> pd.DataFrame:
    """CellMarker 2.0 (Hu 2023) reduced to ``Tissue``, ``CT`` and a list of genes, each gene once for each paper."""
    rows = split_genes(pd.DataFrame({"name": table["ct"], "organ": table["tissue"].str.strip(), "gene": table["gene"]}))
    rows["gene"] = rows["gene"].str.strip()
    rows["species"] = _cellmarker_species(file_name, rows["gene"])
    return _cellmarker_strength(rows)


def cellmarker_download(table: pd.DataFrame, file_name: str) -> pd.DataFrame:
    """CellMarker 2.0 as the makers' ``Cell_marker_*.xlsx``, a gene a row."""
    genes = table["symbol"].str.strip() if "symbol" in table else table["marker"].str.strip()
    # Symbol is empty if the makers know no gene for the marker as the paper writes it.
    genes = genes.where(genes.ne(""), table["marker"].str.strip()) if "marker" in table else genes
    tissue = next((table[name] for name in ("tissue_type", "tissue_class") if name in table), None)
    rows = pd.DataFrame(
        {
            "name": table["cell_name"],
            "organ": "" if tissue is None else tissue.str.strip(),
            "cl_id": table.get("cellontology_id", ""),
            "gene": genes,
            "species": _cellmarker_species(file_name, genes),
        }
    )
    if "species" in table:
        named = table["species"].str.strip().str.casefold()
        rows["species"] = named.where(named.isin(("human", "mouse")), rows["species"])
    return _cellmarker_strength(rows)


def _cellmarker_species(file_name: str, genes: pd.Series) -> str:
    """The species that the name of the file states; if it states none, or both, the species of the symbols' case."""
    stated = [species for species in ("human", "mouse") if species in file_name.casefold()]
    if len(stated) == 1:
        return stated[0]
    return "mouse" if looks_like_mouse(list(genes.unique())) else "human"


def _cellmarker_strength(rows: pd.DataFrame) -> pd.DataFrame:
    """A gene is canonical if the type has it more than once, whatever the paper and the tissue."""
    rows = rows[rows["gene"].ne("")]
    repeated = rows.duplicated(["name", "gene", "species"], keep=False)
    length = rows.groupby(["name", "organ", "species"], sort=False)["gene"].transform("nunique")
    rows = rows.assign(strength=repeated.map({True: "canonical", False: "supporting"}))
    return rows[repeated | length.le(CELLMARKER_LONGEST)]


def sctype(table: pd.DataFrame, _file_name: str) -> pd.DataFrame:
    """ScTypeDB (Ianevski 2022): lists of positive and negative markers, mostly human symbols."""
    parts = [
        pd.DataFrame(
            {"name": table["cellname"], "organ": table["tissuetype"].str.strip(), "gene": table[column], "role": role}
        )
        for role, column in SCTYPE_LISTS.items()
        if column in table
    ]
    rows = split_genes(pd.concat(parts, ignore_index=True))
    rows["gene"] = rows["gene"].str.strip()
    # "Y_RNA" and "Fc-epsilon RI-alpha" are no symbols.
    return rows[rows["gene"].str.fullmatch(r"[\w.\-@]+") & rows["gene"].ne("Y_RNA")]


def celltypist(table: pd.DataFrame, _file_name: str) -> pd.DataFrame:
    """CellTypist's encyclopedia of immune cells (Domínguez Conde 2022): three curated markers a type."""
    rows = pd.DataFrame(
        {
            "name": table["low-hierarchy_cell_types"],
            "cl_id": table.get("cell_ontology_id", ""),
            "gene": table["curated_markers"],
        }
    )
    return split_genes(rows)


def gene_sets(table: pd.DataFrame, _file_name: str) -> pd.DataFrame:
    """Gene sets of a GMT file: the set's name is the cell type; an id in its name or description is the type's."""
    cl_id = (table["gene_set"] + " " + table["description"]).str.extract(f"({CL_ID})", expand=False)
    return pd.DataFrame(
        {
            "name": table["gene_set"],
            "cl_id": cl_id.fillna(""),
            "gene": table["gene"],
            "species": species_by_case(table["gene"]),
        }
    )


def gpt_cell_annotator(table: pd.DataFrame, _file_name: str) -> pd.DataFrame:
    """GPT Cell Annotator's ``marker_db.parquet``, and tables written for it; evidence and references are not used."""
    empty = pd.Series("", table.index)
    species = table.get("species", empty).str.strip().str.casefold()
    return pd.DataFrame(
        {
            "name": table["cell_type"],
            "cl_id": table["ontology_id"],
            "gene": table["gene_symbol"],
            "species": species.map(GPT_CELL_ANNOTATOR_SPECIES).fillna("both"),
            "organ": table.get("tissue", empty),
        }
    )


def decoupler(table: pd.DataFrame, _file_name: str) -> pd.DataFrame:
    """Decoupler's networks: source (a cell type), target (a gene), and optionally weight.

    A gene with a weight below zero is a negative marker; one with the weight zero is left out.
    """
    weight = numbers_of(table, "weight").fillna(1.0) if "weight" in table else pd.Series(1.0, table.index)
    rows = pd.DataFrame(
        {
            "name": table["source"],
            "gene": table["target"],
            "species": species_by_case(table["target"]),
            "role": weight.lt(0).map({True: "negative", False: "positive"}),
        }
    )
    return rows[weight.ne(0)]


# The first whose columns are all there is taken. Formats that many make have no name; their source is the file.
FORMATS = (
    Format("panglaodb", panglaodb, {"cell_type", "official_gene_symbol"}, PANGLAODB_ORGANS),
    Format("cellmarker2", cellmarker_lists, {"tissue", "ct", "gene"}, CELLMARKER_ORGANS),
    # CellMarker's ids are often those of a wider term.
    Format("cellmarker2", cellmarker_download, {"cell_name", "marker"}, CELLMARKER_ORGANS, ids_first=False),
    Format("sctype", sctype, {"tissuetype", "cellname", SCTYPE_LISTS["positive"]}, {"Immune system": ""}),
    Format("celltypist", celltypist, {"low-hierarchy_cell_types", "curated_markers"}),
    Format("", gene_sets, {"gene_set", "description", "gene"}),
    Format("", gpt_cell_annotator, {"cell_type", "ontology_id", "gene_symbol"}),
    Format("", decoupler, {"source", "target"}),
)


def recognize(columns: Iterable[object]) -> Optional[Format]:
    """The format that has these columns; None for a table with the columns of this package."""
    keys = {header_key(column) for column in columns}
    if {"cell_type", "gene"} <= keys:
        return None
    return next((form for form in FORMATS if form.columns <= keys), None)
