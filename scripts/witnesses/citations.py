"""The references that the ASCT+B tables give for facts: ``citations.tsv`` of the package."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from gca_scanpy._names.genes import GeneNames
from witnesses.lists import ASCTB, ROLES, Fact

COLUMNS = ["cl_id", "gene", "table", "references"]
Cited = dict[Fact, dict[str, "set[str]"]]  # references by table
REFERENCE = re.compile(r"doi:10\.\d{4,9}/\S+|PMID:\d+")


def read(folder: Path, genes: GeneNames, known: Mapping[str, str]) -> Cited:
    """The ASCT+B tables that state each fact, such as ``kidney v1.8``, with the references of their rows for it.

    Parameters
    ----------
    known
        Symbols of the marker database by their upper-case form.
    """
    cited: Cited = {}
    if (folder / ASCTB).is_file():
        table = pd.read_csv(folder / ASCTB, dtype=str).fillna("")
        for row in table.itertuples():
            gene = (genes.canonical(row.gene, "human", known) or row.gene).upper()
            tables = cited.setdefault((row.cl_id, gene, ROLES[row.sign]), {})
            references = tables.setdefault(f"{row.organ} {row.version}", set())
            references.update(filter(None, row.refs.split(";")))
    return cited


def rows(cited: Cited, facts: Iterable[Fact]) -> tuple[tuple[str, ...], ...]:
    """The rows of ``citations.tsv`` for some facts, sorted; genes as the facts write them."""
    return tuple(
        sorted(
            (term, gene, table, ";".join(sorted(references)))
            for term, gene, role in set(facts)
            for table, references in cited.get((term, gene.upper(), role), {}).items()
        )
    )
