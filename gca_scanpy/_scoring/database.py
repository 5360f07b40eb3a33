"""Marker tables with one fact in each row: validation, merging and fingerprints."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Optional, Union

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import define, frozen

from gca_scanpy._names.genes import SPECIES, GeneNames, clean
from gca_scanpy._names.ontology import Ontology
from gca_scanpy._packages import NAMES
from gca_scanpy.errors import DatabaseError

COLUMNS = (
    "cell_type", "cl_id", "gene", "species", "tissue", "role", "strength", "sources", "nearby", "seen", "unseen",
)  # fmt: skip
STATED = ("sources", "nearby", "seen", "unseen")  # ``;``-separated sources
REQUIRED = ("cell_type", "gene")
GENERAL = "general"
WEAK = "weak"
FACT = ["cell_type", "gene", "species", "role"]  # rows that agree in these columns are the same fact
DEFAULTS = {
    "cl_id": "",
    "species": "both",
    "tissue": "general",
    "role": "positive",
    "strength": "canonical",
    **dict.fromkeys(STATED, ""),
}
ALLOWED = {
    "species": ("both", *SPECIES),
    "role": ("positive", "negative"),
    "strength": ("canonical", "supporting", WEAK),
}


Columns = Mapping[str, list[str]]


@define(eq=False)
class MarkerDatabase:
    """Marker facts of cell types.

    Attributes
    ----------
    version
        Version of the bundled table, or the name of the file or object that was given.
    sha256
        Fingerprint of the facts, the same for the same facts in any order.
    notes
        What was corrected or left out while the table was read.
    """

    version: str
    sha256: str
    _facts: Union[pd.DataFrame, Callable[[], Columns]]  # a table, or what reads its columns
    notes: tuple[str, ...] = ()

    @property
    def facts(self) -> pd.DataFrame:
        """One row for each fact.

        The columns are ``cell_type`` (name), ``cl_id`` (Cell Ontology id or empty), ``gene`` (human symbol; mouse
        symbol if ``species`` is mouse and no human symbol is the same word), ``species`` (human, mouse, both),
        ``tissue`` (``;``-separated or general), ``role`` (positive, negative), ``strength`` (canonical, supporting,
        weak), ``sources`` (the lists that state it), ``nearby`` (the sources that state it for a neighbor of the type,
        as ``panglaodb@CL:0000084``), ``seen`` and ``unseen`` (the expression profiles of the type in which the gene
        stands out, and the others that measure it). The last four are ``;``-separated.
        """
        if not isinstance(self._facts, pd.DataFrame):
            self._facts = pd.DataFrame(self._facts(), columns=pd.Index(COLUMNS, dtype=object), dtype=object)
        return self._facts

    def columns(self) -> Columns:
        """The columns of the facts as lists, for a reader of all rows; no table is made of them."""
        if isinstance(self._facts, pd.DataFrame):
            return {name: self._facts[name].tolist() for name in COLUMNS}
        return self._facts()

    def __repr__(self) -> str:
        types, genes = self.facts["cell_type"].nunique(), self.facts["gene"].nunique()
        return f"MarkerDatabase({self.version!r}, {types} cell types, {genes} genes, {len(self.facts)} facts)"


@frozen
class _Reader:
    ontology: Ontology
    genes: GeneNames

    def cl_ids(self, table: pd.DataFrame, notes: list[str]) -> pd.Series:
        """The Cell Ontology id of each row: the given one if the ontology has it, else the name's."""
        ids = table["cl_id"].str.upper().str.replace("_", ":")
        unknown = sorted(key for key in ids.unique() if key and key not in self.ontology.terms)
        if unknown:
            notes.append(f"{len(unknown)} ids are not current Cell Ontology terms and were left out: {_few(unknown)}")
        by_name = self._by_name(table["cell_type"].unique())
        rows = zip(ids.tolist(), table["cell_type"].tolist())
        found = [key if key in self.ontology.terms else by_name[name] for key, name in rows]
        ids = pd.Series(found, index=table.index, dtype=object)
        nameless = sorted(set(table["cell_type"][ids.eq("")]) - {""})
        if nameless:
            notes.append(f"{len(nameless)} cell types have no Cell Ontology term and keep their name: {_few(nameless)}")
        return ids

    def _by_name(self, names: Iterable[str]) -> dict[str, str]:
        """The term of each name. Names of which only a part was read keep apart if they were read as the same term."""
        readings = {name: self.ontology.read(name) for name in names}
        count = Counter(reading.ontology_id for reading in readings.values())
        return {
            name: "" if reading.is_partial and count[reading.ontology_id] > 1 else reading.ontology_id or ""
            for name, reading in readings.items()
        }

    def symbols(self, table: pd.DataFrame, notes: list[str]) -> pd.Series:
        """Current symbols. A gene that no table knows keeps its symbol, in capitals unless it is a mouse gene.

        A mouse gene that is the same word as a human symbol gets that symbol, so that no two facts differ only in case.
        """
        current = {}
        pairs = list(zip(table["species"].tolist(), table["gene"].tolist()))
        for species, name in set(pairs):
            text = clean(name)
            if species == "mouse":
                current[species, name] = self.genes.approved.get(text.upper(), text)
            else:
                current[species, name] = self.genes.canonical(name, "human", {}) or text.upper()
        genes = pd.Series([current[pair] for pair in pairs], index=table.index, dtype=object)
        if genes.eq("").any():
            notes.append(f"{int(genes.eq('').sum())} rows have no gene symbol and were left out")
        nameless = int((genes.ne("") & table["cell_type"].eq("")).sum())
        if nameless:
            notes.append(f"{nameless} rows have no cell type and were left out")
        return genes


def validate(table: pd.DataFrame, ontology: Ontology, genes: GeneNames, version: str) -> MarkerDatabase:
    """Make a marker database of a table.

    Parameters
    ----------
    table
        A table with at least the columns ``cell_type`` and ``gene``. The others of :class:`MarkerDatabase` have
        defaults: both species, general tissue, positive, canonical.
    version
        The name of the table in errors and in the report.

    Raises
    ------
    DatabaseError
        If a required column is missing, a value is not allowed, no usable row is left, or a gene is both positive and
        negative for a type in one species.
    """
    notes: list[str] = []
    table = _with_columns(table, version)
    _check_values(table, version)
    reader = _Reader(ontology, genes)
    table["cl_id"] = reader.cl_ids(table, notes)
    table["gene"] = reader.symbols(table, notes)
    named = {key: ontology.label(key) for key in table["cl_id"].unique() if key}
    table["cell_type"] = [named.get(key, name) for key, name in zip(table["cl_id"], table["cell_type"])]
    table = table[table["gene"].ne("") & table["cell_type"].ne("")]
    if table.empty:
        msg = f"the marker table {version} has no usable row; it needs a cell type and a gene symbol in each"
        raise DatabaseError(msg)
    facts = _deduplicated(table, notes).astype(NAMES)
    _check_signs(facts, version)
    return MarkerDatabase(version, fingerprint(facts), facts, tuple(notes))


def merge(databases: Sequence[MarkerDatabase]) -> MarkerDatabase:
    """Merge databases into one.

    Types with the same Cell Ontology term are the same type. If several databases have a fact, its sources are joined,
    so that it is stronger. If they disagree, the first database decides on the strength of a fact, on the tissues of a
    type, and on whether a gene is a positive or a negative marker.

    Raises
    ------
    DatabaseError
        If the sequence is empty.
    """
    if not databases:
        msg = "no marker database was given"
        raise DatabaseError(msg)
    if len(databases) == 1:
        return databases[0]
    facts = pd.concat([d.facts for d in databases], ignore_index=True)
    order = np.repeat(np.arange(len(databases)), [len(d.facts) for d in databases])
    type_codes = pd.factorize(facts["cl_id"].where(facts["cl_id"].ne(""), facts["cell_type"]))[0]
    facts["cell_type"] = _first(facts["cell_type"], type_codes)
    facts["gene"] = _first(facts["gene"], pd.factorize(facts["gene"].str.upper())[0])
    facts["tissue"] = _tissues(facts["tissue"], type_codes, order)
    facts = _one_row_a_fact(facts[~_contradicts(facts)]).astype(NAMES)
    notes = tuple(dict.fromkeys(note for d in databases for note in d.notes))
    return MarkerDatabase("+".join(d.version for d in databases), fingerprint(facts), facts, notes)


def _one_row_a_fact(facts: pd.DataFrame) -> pd.DataFrame:
    """The first row of each gene of a type, with the sources of all its rows; human and mouse become both species."""
    codes = facts.groupby(["cell_type", "gene", "role"], sort=False).ngroup().to_numpy()
    species: dict[int, str] = {}
    # A groupby with a function takes twenty times as long as these loops.
    for code, row_species in zip(codes, facts["species"]):
        species[code] = row_species if species.get(code, row_species) == row_species else "both"
    first = ~pd.Series(codes).duplicated().to_numpy()
    kept = facts[first].reset_index(drop=True)
    kept["species"] = [species[code] for code in codes[first]]
    for name in STATED:
        united: dict[int, str] = {}
        for code, cell in zip(codes, facts[name]):
            united[code] = _union(united[code], cell) if code in united else cell
        kept[name] = [united[code] for code in codes[first]]
    return kept[list(COLUMNS)]


def _first(values: pd.Series, groups: npt.NDArray[np.intp]) -> npt.NDArray[np.object_]:
    """For each row the value of the first row of its group."""
    codes, positions = np.unique(groups, return_index=True)
    firsts: npt.NDArray[np.object_] = values.to_numpy(dtype=object)[positions]
    return firsts[np.searchsorted(codes, groups)]


def _tissues(tissues: pd.Series, type_codes: npt.NDArray[np.intp], order: npt.NDArray[np.intp]) -> pd.Series:
    """The tissues of each row: those of its type in the first database that has the type."""
    is_first = order == _first(pd.Series(order), type_codes).astype(np.intp)
    united: dict[int, str] = {}
    for code, tissue in dict.fromkeys(zip(type_codes[is_first], tissues[is_first])):
        before = united.get(code)
        united[code] = tissue if before is None else GENERAL if GENERAL in (before, tissue) else _union(before, tissue)
    return tissues.where(is_first, pd.Series(type_codes, tissues.index).map(united))


@lru_cache(maxsize=65536)
def _union(first: str, second: str) -> str:
    """The parts of two ``;``-separated texts, each once."""
    return ";".join(dict.fromkeys(part for part in f"{first};{second}".split(";") if part))


def fingerprint(facts: pd.DataFrame) -> str:
    """Sha256 of the facts; it does not depend on their order."""
    rows = sorted("\t".join(row) for row in zip(*(facts[name] for name in COLUMNS)))
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _with_columns(table: pd.DataFrame, version: str) -> pd.DataFrame:
    table = table.rename(columns=lambda name: str(name).strip().casefold().replace(" ", "_"))
    missing = [name for name in REQUIRED if name not in table.columns]
    if missing:
        msg = (
            f"the marker table {version} has no column {' and no column '.join(missing)}; "
            f"it has: {', '.join(name[:40] for name in table.columns[:12])}. "
            f"The columns are {', '.join(COLUMNS)}; the first and the third are needed."
        )
        raise DatabaseError(msg)
    out = pd.DataFrame(index=range(len(table)))
    for name in COLUMNS:
        if name in table.columns:
            column = table[name].iloc[:, 0] if isinstance(table[name], pd.DataFrame) else table[name]
            text = column.astype(object).where(column.notna(), "").astype(str).str.strip().reset_index(drop=True)
            out[name] = text.where(text.ne(""), DEFAULTS.get(name, ""))
            if name in STATED:  # blanks are part of no source's name
                entries = {cell: re.sub(r"\s*(?:;\s*)+", ";", cell).strip("; ") for cell in out[name].unique()}
                out[name] = [entries[cell] for cell in out[name].tolist()]
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
    repeated = table[table.duplicated(FACT, keep=False)]
    if len(repeated):
        table = table.assign(**{name: _joined(table[name], repeated) for name in ("tissue", *STATED)})
    # The strengths sort from canonical to weak, so the strongest row of a fact is kept.
    facts = table.sort_values("strength", kind="stable").drop_duplicates(FACT).sort_index().reset_index(drop=True)
    if len(facts) < len(table):
        notes.append(f"{len(table) - len(facts)} rows repeat a fact and were joined")
    return facts


def _check_signs(facts: pd.DataFrame, version: str) -> None:
    both = facts[_contradicts(facts)]
    if len(both):
        cell_type, gene = both[["cell_type", "gene"]].iloc[0]
        msg = (
            f"the marker table {version} has {gene} both positive and negative for {cell_type!r}; keep one of the rows"
        )
        raise DatabaseError(msg)


def _contradicts(facts: pd.DataFrame) -> pd.Series:
    """Whether an earlier row has the gene with the other role, for the same type and a common species."""
    contradicts = pd.Series(False, index=facts.index)
    for species in SPECIES if facts["role"].eq("negative").any() else ():
        shared = facts[facts["species"].isin(["both", species])]
        first = shared.groupby(["cell_type", "gene"])["role"].transform("first")
        contradicts[shared.index] |= shared["role"].ne(first)
    return contradicts


def _joined(column: pd.Series, repeated: pd.DataFrame) -> pd.Series:
    """A column of ``;``-separated entries in which the rows of one fact have the entries of all of them.

    They are sorted, so that the result does not depend on the order of the rows.
    """
    joined = column.copy()
    joined[repeated.index] = repeated.groupby(FACT)[column.name].transform(
        lambda cells: ";".join(sorted(dict.fromkeys(filter(None, map(str.strip, ";".join(cells).split(";"))))))
    )
    return joined


def _few(items: Sequence[str], n: Optional[int] = 3) -> str:
    return ", ".join(items[:n]) + (" ..." if n and len(items) > n else "")
