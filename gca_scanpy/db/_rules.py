"""The rules of a marker table; each gives the rows or types that break it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from attrs import frozen

from gca_scanpy._names.genes import SPECIES, GeneNames
from gca_scanpy._names.ontology import Ontology

MIN_GENES = 6  # positive genes that a type needs, and that must separate it from each sibling
# Cd3e, Tcrg-C1, H2-K1, 1700003M07Rik, D6Ertd527e, AW112010, mt-Nd1: as the mouse nomenclature writes genes.
_MOUSE_SYMBOL = re.compile(
    r"[A-Z][a-z0-9.\-]*(?:-[A-Z]\d+)?|H2-[A-Za-z]+[\d.]*"
    r"|\w+Rik|D\d+\w+\d+e|[A-Z]{2}\d{6}|mt-\w+"
)


@frozen
class Finding:
    """A row or type that breaks a rule.

    Attributes
    ----------
    rule
        Name of the rule, such as ``ids``.
    where
        The row, by the index of the table, or the type.
    text
        What is wrong, and what is there instead.
    """

    rule: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.where}: {self.text}"


def ids(facts: pd.DataFrame, ontology: Ontology) -> list[Finding]:
    """Ids that are no current term of the ontology; its index has no obsolete terms."""
    first = facts.drop_duplicates("cl_id")
    return [
        Finding("ids", str(row), f"{key!r} ({name}) is no current Cell Ontology term")
        for row, key, name in zip(first.index, first["cl_id"], first["cell_type"])
        if key not in ontology
    ]


def names(facts: pd.DataFrame, ontology: Ontology) -> list[Finding]:
    """Types whose name is not the one that the ontology gives their id."""
    first = facts.drop_duplicates(["cl_id", "cell_type"])
    return [
        Finding("names", str(row), f"{key} is {name!r}, but the ontology names it {ontology.label(key)!r}")
        for row, key, name in zip(first.index, first["cl_id"], first["cell_type"])
        if key in ontology and name != ontology.label(key)
    ]


def symbols(facts: pd.DataFrame, genes: GeneNames) -> list[Finding]:
    """Genes that are no current HGNC symbol; mouse rows may have a mouse symbol that no human symbol equals."""
    first = facts.drop_duplicates(["gene", "species"])
    findings = []
    for row, gene, species in zip(first.index, first["gene"], first["species"]):
        approved = genes.approved.get(gene.upper())
        is_mouse_symbol = species == "mouse" and approved is None and _MOUSE_SYMBOL.fullmatch(gene)
        if approved != gene and not is_mouse_symbol:
            current = approved or genes.older.get(gene.upper())
            hint = f"; the current symbol is {current}" if current else ""
            findings.append(Finding("symbols", str(row), f"{gene!r} is no current symbol{hint}"))
    return findings


def duplicates(facts: pd.DataFrame) -> list[Finding]:
    """Facts that are stated twice for one species."""
    return _clashes("duplicates", facts, ["cl_id", "cell_type", "gene", "role"], "{gene} is listed twice for {type}")


def signs(facts: pd.DataFrame) -> list[Finding]:
    """Genes that are positive and negative for a type in one species."""
    once = facts.drop_duplicates(["cl_id", "cell_type", "gene", "role", "species"])
    text = "{gene} is both positive and negative for {type}"
    findings = _clashes("signs", once, ["cl_id", "cell_type", "gene"], text)
    doubled = {finding.where for finding in duplicates(once)}
    return [finding for finding in findings if finding.where not in doubled]


def _clashes(rule: str, facts: pd.DataFrame, key: list[str], text: str) -> list[Finding]:
    """Rows with the same key as an earlier row, for a species that both have."""
    folded = facts.assign(folded=facts["gene"].str.upper())
    key = ["folded" if name == "gene" else name for name in key]
    clash = np.zeros(len(facts), dtype=bool)
    for species in SPECIES:
        of_species = folded["species"].isin(["both", species]).to_numpy()
        clash[of_species] |= folded[of_species].duplicated(key).to_numpy(dtype=bool)
    rows = facts[clash]
    return [
        Finding(rule, str(row), text.format(gene=gene, type=f"{name} ({cl_id})" if cl_id else name))
        for row, gene, name, cl_id in zip(rows.index, rows["gene"], rows["cell_type"], rows["cl_id"])
    ]


def few(facts: pd.DataFrame, least: int = MIN_GENES) -> list[Finding]:
    """Types with too few positive genes."""
    kinds = facts["cell_type"] + facts["cl_id"].map(lambda key: f" ({key})" if key else "")
    counts = facts["gene"].where(facts["role"].eq("positive")).groupby(kinds).nunique()
    return [
        Finding("few", str(kind), f"{count} positive genes; at least {least} are needed")
        for kind, count in counts[counts.lt(least)].items()
    ]


def siblings(facts: pd.DataFrame, ontology: Ontology, least: int = MIN_GENES) -> list[Finding]:
    """Pairs of siblings in which the first has too few positive genes that the second lacks."""
    positive = facts[facts["role"].eq("positive")]
    genes = {str(key): frozenset(of_type) for key, of_type in positive.groupby("cl_id")["gene"]}
    return [
        Finding(
            "siblings",
            f"{ontology.label(one)} ({one})",
            f"{len(genes[one] - genes[other])} genes separate it from its sibling {ontology.label(other)} ({other}); "
            f"at least {least} are needed",
        )
        for one, other in sibling_pairs(set(genes), ontology)
        if len(genes[one] - genes[other]) < least
    ]


def sibling_pairs(ids: set[str], ontology: Ontology) -> Iterator[tuple[str, str]]:
    """Pairs of the given terms that have a parent in common, in both orders.

    A parent is the nearest ancestor among the given terms. An ancestor of a term is not its sibling.
    """
    children: dict[str, set[str]] = {}
    for key in ids & set(ontology.terms):
        above = ids.intersection(ontology.ancestors(key))
        for parent in above - {farther for near in above for farther in ontology.ancestors(near)}:
            children.setdefault(parent, set()).add(key)
    pairs = {(a, b) for group in children.values() for a in group for b in group if not ontology.related(a, b)}
    yield from sorted(pairs)
