"""Marker tables: one fact a row, validated, merged and fingerprinted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Optional

import pandas as pd
from attrs import define, frozen

from gca_scanpy._core.genes import SPECIES, GeneNames, clean
from gca_scanpy._core.ontology import Ontology
from gca_scanpy._errors import DatabaseError

COLUMNS = ("cell_type", "cl_id", "gene", "species", "tissue", "role", "strength", "sources")
REQUIRED = ("cell_type", "gene")
DEFAULTS = {"cl_id": "", "species": "both", "tissue": "general", "role": "positive", "strength": "canonical", "sources": ""}
ALLOWED = {
    "species": ("both", *SPECIES),
    "role": ("positive", "negative"),
    "strength": ("canonical", "supporting"),
}
GENERAL = "general"


@define(eq=False)
class MarkerDatabase:
    """Marker facts of cell types.

    Attributes
    ----------
    version
        Version of the bundled table, or the name of the file or object that was given.
    sha256
        Fingerprint of the facts, the same for the same facts in any order.
    facts
        A row a fact, with the columns ``cell_type`` (name), ``cl_id`` (Cell Ontology id or empty), ``gene``
        (human symbol, or mouse symbol where ``species`` is mouse), ``species`` (human, mouse, both),
        ``tissue`` (``;``-separated or general), ``role`` (positive, negative), ``strength`` (canonical,
        supporting) and ``sources`` (what corroborates it).
    notes
        What was mended or left out while the table was read.
    """

    version: str
    sha256: str
    facts: pd.DataFrame
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        types, genes = self.facts["cell_type"].nunique(), self.facts["gene"].nunique()
        return f"MarkerDatabase({self.version!r}, {types} cell types, {genes} genes, {len(self.facts)} facts)"


@frozen
class _Reader:
    ontology: Ontology
    genes: GeneNames

    def cl_ids(self, table: pd.DataFrame, notes: list[str]) -> pd.Series:
        """The Cell Ontology id of each row: as given where the ontology has it, else by the name."""
        given = table["cl_id"].str.upper().str.replace("_", ":")
        unknown = sorted(set(given[given.ne("")]) - set(self.ontology.terms))
        if unknown:
            notes.append(f"{len(unknown)} ids are not current Cell Ontology terms and were left out: {_few(unknown)}")
        by_name = {name: self.ontology.resolve(name) or "" for name in table["cell_type"].unique()}
        return given.where(given.isin(self.ontology.terms), table["cell_type"].map(by_name))

    def symbols(self, table: pd.DataFrame, notes: list[str]) -> pd.Series:
        """Current symbols; a gene that no table knows stays as it is, in capitals unless it is a mouse gene."""
        current = {}
        for species, name in set(zip(table["species"], table["gene"])):
            text = clean(name)
            if species == "mouse":
                current[species, name] = text
            else:
                current[species, name] = self.genes.canonical(name, "human", {}) or text.upper()
        genes = pd.Series(
            [current[pair] for pair in zip(table["species"], table["gene"])], index=table.index, dtype=object
        )
        if genes.eq("").any():
            notes.append(f"{int(genes.eq('').sum())} rows have no gene symbol and were left out")
        return genes


def validate(table: pd.DataFrame, ontology: Ontology, genes: GeneNames, version: str) -> MarkerDatabase:
    """A marker table as the scorer needs it.

    Parameters
    ----------
    table
        At least the columns ``cell_type`` and ``gene``; see :class:`MarkerDatabase` for the others, which
        have defaults (any species, general tissue, positive, canonical).
    version
        Name of the table in errors and in the report.

    Raises
    ------
    DatabaseError
        Where a required column is missing, a value is not one of those allowed, nothing is left, or a gene
        is both positive and negative for a type.
    """
    notes: list[str] = []
    table = _with_columns(table, version)
    _check_values(table, version)
    reader = _Reader(ontology, genes)
    table["cl_id"] = reader.cl_ids(table, notes)
    table["gene"] = reader.symbols(table, notes)
    named = {key: ontology.label(key) for key in table["cl_id"].unique() if key}
    table["cell_type"] = table["cl_id"].map(named).fillna(table["cell_type"])
    table = table[table["gene"].ne("") & table["cell_type"].ne("")]
    if table.empty:
        msg = f"the marker table {version} has no usable row; it needs a cell type and a gene symbol in each"
        raise DatabaseError(msg)
    facts = _deduplicated(table, notes)
    _check_signs(facts, version)
    return MarkerDatabase(version, fingerprint(facts), facts, tuple(notes))


def merge(databases: Sequence[MarkerDatabase]) -> MarkerDatabase:
    """Several databases as one; where they state the same fact its sources are joined.

    Raises
    ------
    DatabaseError
        Where the sequence is empty.
    """
    if not databases:
        msg = "no marker database was given"
        raise DatabaseError(msg)
    if len(databases) == 1:
        return databases[0]
    facts = pd.concat([d.facts for d in databases], ignore_index=True)
    key = ["cell_type", "gene", "species", "role"]
    joined = facts.groupby(key, sort=False)["sources"].agg(lambda s: ";".join(dict.fromkeys(";".join(s).split(";"))))
    facts = facts.drop_duplicates(key).drop(columns="sources").merge(joined.str.strip(";"), left_on=key, right_index=True)
    # The first database decides where one calls positive what another calls negative.
    facts = facts.drop_duplicates(["cell_type", "gene", "species"]).reset_index(drop=True)[list(COLUMNS)]
    return MarkerDatabase("+".join(d.version for d in databases), fingerprint(facts), facts, sum((d.notes for d in databases), ()))


def fingerprint(facts: pd.DataFrame) -> str:
    """Sha256 over the facts, whatever their order."""
    rows = sorted("\t".join(row) for row in zip(*(facts[name] for name in COLUMNS)))
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _with_columns(table: pd.DataFrame, version: str) -> pd.DataFrame:
    table = table.rename(columns=lambda name: str(name).strip().casefold().replace(" ", "_"))
    missing = [name for name in REQUIRED if name not in table.columns]
    if missing:
        msg = (
            f"the marker table {version} has no column {' and no column '.join(missing)}; it has: "
            f"{', '.join(table.columns[:12])}. The columns are {', '.join(COLUMNS)}; the first and the third are needed."
        )
        raise DatabaseError(msg)
    out = pd.DataFrame(index=range(len(table)))
    for name in COLUMNS:
        if name in table.columns:
            column = table[name].iloc[:, 0] if isinstance(table[name], pd.DataFrame) else table[name]
            text = column.astype(object).where(column.notna(), "").astype(str).str.strip().reset_index(drop=True)
            out[name] = text.where(text.ne(""), DEFAULTS.get(name, ""))
        else:
            out[name] = DEFAULTS[name]
    return out


def _check_values(table: pd.DataFrame, version: str) -> None:
    for name, allowed in ALLOWED.items():
        table[name] = table[name].str.casefold()
        wrong = table.index[~table[name].isin(allowed)]
        if len(wrong):
            msg = (
                f"the marker table {version} has {name} {table.loc[wrong[0], name]!r} in row {wrong[0] + 1}"
                f"{f' and {len(wrong) - 1} more' if len(wrong) > 1 else ''}; allowed are {', '.join(allowed)}"
            )
            raise DatabaseError(msg)


def _deduplicated(table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    # Canonical before supporting, so that the stronger of two equal facts stays.
    ordered = table.sort_values("strength", kind="stable")
    facts = ordered.drop_duplicates(["cell_type", "gene", "species", "role"]).sort_index().reset_index(drop=True)
    if len(facts) < len(table):
        notes.append(f"{len(table) - len(facts)} rows repeat a fact and were joined")
    return facts


def _check_signs(facts: pd.DataFrame, version: str) -> None:
    signs = facts.groupby(["cell_type", "gene"])["role"].nunique()
    both = signs[signs > 1]
    if len(both):
        cell_type, gene = both.index[0]
        msg = f"the marker table {version} has {gene} both positive and negative for {cell_type!r}; keep one of the rows"
        raise DatabaseError(msg)


def _few(items: Sequence[str], n: Optional[int] = 3) -> str:
    return ", ".join(items[:n]) + (" ..." if n and len(items) > n else "")
