"""Gene sets, one a line: the set's name is the cell type."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from gca_scanpy.db._adapters.common import Format, species_by_case

_ID = re.compile(r"CL[:_]\d{7}")


def table(lines: Iterable[str]) -> pd.DataFrame:
    """The lines of a GMT file as a table with a row for each gene of each set."""
    rows = [
        (name, description, gene)
        for name, description, *genes in (line.rstrip("\r\n").split("\t") for line in lines if line.count("\t") >= 2)
        # Some writers give a weight with each gene.
        for gene in (text.split(",")[0].strip() for text in genes)
        if gene
    ]
    if not rows:
        msg = "no line of it is a gene set: a name, a description and genes, with tabs between them"
        raise ValueError(msg)
    return pd.DataFrame(rows, columns=["gene_set", "description", "gene"], dtype=object)


def rows(table: pd.DataFrame, _file_name: str) -> pd.DataFrame:
    """Its genes; an id in the name or the description is the type's."""
    given = (table["gene_set"] + " " + table["description"]).str.extract(f"({_ID.pattern})", expand=False)
    return pd.DataFrame(
        {
            "name": table["gene_set"],
            "cl_id": given.fillna(""),
            "gene": table["gene"],
            "species": species_by_case(table["gene"]),
        }
    )


FORMAT = Format("", frozenset({"gene_set", "description", "gene"}), rows)
