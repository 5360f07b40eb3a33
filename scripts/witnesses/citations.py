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
_NEXT = re.compile(r";(?=doi:|PMID:)")
# Elsevier's id without its parentheses: the ISSN, (the year), a number and a check character.
_ELSEVIER = re.compile(r"(doi:10\.\d{4,9}/s?\d{4}-\d{3}[\dx])(\d\d)(\d{5}-[\da-z])$", re.IGNORECASE)
# 1096-9861(19990816)411:1<1::AID-CNE1>3.0.CO;2-X: tables cut it at < or at the semicolon, which parts references.
_SICI = re.compile(
    r"doi:10\.\d{4,9}/(?:\(sici\)\S*|\d{4}-\d{3}[\dx]\(\d{4,8}\)[\d:]*(?:(?:<|%3c|&lt;)\S*)?)", re.IGNORECASE
)


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
            references.update(filter(None, map(restored, _NEXT.split(row.refs))))
    return cited


def restored(reference: str) -> str:
    """A reference with the parentheses that it lost; empty if it is one of those that are cut off."""
    return "" if _SICI.fullmatch(reference) else _ELSEVIER.sub(r"\1(\2)\3", reference)


def rows(cited: Cited, facts: Iterable[Fact]) -> tuple[tuple[str, ...], ...]:
    """The rows of ``citations.tsv`` for some facts, sorted; genes as the facts write them."""
    return tuple(
        sorted(
            (term, gene, table, ";".join(sorted(references)))
            for term, gene, role in set(facts)
            for table, references in cited.get((term, gene.upper(), role), {}).items()
        )
    )
