"""Public lists of markers: who states which gene for which term.

A folder may have the four tables that the package reads by name, ``asctb.csv`` (cl_id, gene, sign, refs, organ,
version) and ``accordion.csv.gz`` (species, cl_id, gene, role, resource).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

import gca_scanpy as gca
from gca_scanpy._names.genes import GeneNames
from gca_scanpy._names.ontology import Ontology
from gca_scanpy.db import _assets

Fact = tuple[str, str, str]  # Cell Ontology id, gene in capitals, role
Row = tuple[str, str, str, str, str]  # source, species, Cell Ontology id, gene, role
Listed = Mapping[str, "frozenset[Fact]"]  # by the name of the source
ASCTB, ACCORDION = "asctb.csv", "accordion.csv.gz"
ROLES = {"+": "positive", "-": "negative"}
# The names of the resources in the Cell Marker Accordion, where they differ from ours in more than case and blanks. Its
# copy of ASCT+B is older than the tables that are read here.
RESOURCES = {
    "bdbiosciences": "bd_biosciences",
    "Cell Signaling TECHNOLOGY": "cell_signaling",
    "ASCT+B": "",
}


def read(
    folder: Path, ontology: Ontology, genes: GeneNames, known: Mapping[str, str]
) -> tuple[dict[str, frozenset[Fact]], list[str]]:
    """The facts of each list in a folder, and why other files of it cannot be read.

    Parameters
    ----------
    known
        Symbols of the marker database by their upper-case form.
    """
    listed: dict[str, set[Fact]] = defaultdict(set)
    unread = []
    with gca.settings.override(assets_home=folder):
        for name in filter(_assets.present, _assets.ASSETS):
            try:
                facts = gca.db.load(name).facts
            except gca.GcaError as error:
                unread.append(f"{name}: {error}")
                continue
            listed[name].update(zip(facts["cl_id"], facts["gene"].str.upper(), facts["role"]))
    for name, species, term, gene, role in (*_asctb(folder), *_accordion(folder)):
        if term in ontology:
            listed[name].add((term, (genes.canonical(gene, species, known) or gene).upper(), role))
    return {name: frozenset(facts) for name, facts in listed.items()}, unread


def _asctb(folder: Path) -> list[Row]:
    path = folder / ASCTB
    if not path.is_file():
        return []
    table = pd.read_csv(path, dtype=str).fillna("")
    return [("asctb", "human", *row) for row in zip(table["cl_id"], table["gene"], table["sign"].map(ROLES))]


def _accordion(folder: Path) -> list[Row]:
    path = folder / ACCORDION
    if not path.is_file():
        return []
    table = pd.read_csv(path, dtype=str).fillna("")
    names = {name: RESOURCES.get(name, name.lower().replace(" ", "_")) for name in table["resource"].unique()}
    rows = zip(table["resource"].map(names), table["species"], table["cl_id"], table["gene"], table["role"])
    return [row for row in rows if row[0]]
