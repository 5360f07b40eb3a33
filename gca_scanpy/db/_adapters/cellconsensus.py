"""The consensus table that PyPI's cellconsensus installs: the weight of each gene for each Cell Ontology term."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gca_scanpy.db._adapters.common import Format
from gca_scanpy.errors import DatabaseError

# Every paper's every list is in the table, and a term has its subtypes' lists too: T cell has thousands of genes, CD8A
# first. So none of its facts is canonical, and only the heaviest are taken. What follows was set on public clusters
# with expert labels; anything from 75 to 150 genes and from 0.05 to 0.1 does as well.
TOP = 100  # genes that a term keeps, heaviest first
SHARE = 0.1  # of the weight of the heaviest gene, that a gene needs
LEAST = 3.0  # weight that a gene needs: a single paper's list gives less


def table(content: Any) -> pd.DataFrame:
    """The unpickled content as a table.

    Raises
    ------
    DatabaseError
        Where it is not a dictionary of terms, each with the weights of its genes.
    """
    consensus = content.get("consensus") if isinstance(content, Mapping) else None
    if not isinstance(consensus, Mapping) or not all(isinstance(weights, Mapping) for weights in consensus.values()):
        msg = "the pickle holds no table of cellconsensus: a dictionary 'consensus' of terms with their genes' weights"
        raise DatabaseError(msg)
    names = content.get("ct_info", {})
    rows = [
        (str(names.get(term, {}).get("name", term)), term, gene, weight)
        for term, weights in consensus.items()
        for gene, weight in sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:TOP]
    ]
    return pd.DataFrame(rows, columns=["consensus_name", "consensus_term", "gene", "weight"])


def rows(table: pd.DataFrame, _file_name: str) -> pd.DataFrame:
    """Its heaviest genes."""
    weight = pd.to_numeric(table["weight"], errors="coerce").fillna(0.0)
    share = weight / weight.groupby(table["consensus_term"]).transform("max")
    found = pd.DataFrame(
        {
            "name": table["consensus_name"],
            "cl_id": table["consensus_term"],
            "gene": table["gene"],
            "strength": "supporting",
        }
    )
    return found[share.ge(SHARE) & weight.ge(LEAST)]


FORMAT = Format("cellconsensus", frozenset({"consensus_name", "consensus_term", "gene", "weight"}), rows)
