"""What all formats share: from a maker's rows to facts with Cell Ontology ids, known tissues and symbols."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Callable, Optional

import pandas as pd
from attrs import field, frozen

from gca_scanpy._names.genes import GeneNames, looks_like_mouse
from gca_scanpy._names.labels import LEFT_OUT, SourceNames
from gca_scanpy._names.origins import Tissues
from gca_scanpy._scoring.database import COLUMNS, GENERAL, STATED

MANY_TISSUES = 8  # a type that a table lists in so many tissues, or in more, is bound to none
# Excel turns MARCH1 and SEPT2 into dates, and a date no longer shows which gene it was.
_NO_GENE = r"^(?:\d{1,2}-[A-Za-z]{3}|\d{4}-\d\d-\d\d.*|NA|nan|None|-*)$"
DEFAULTS = {"cl_id": "", "organ": "", "species": "both", "role": "positive", "strength": "canonical"}


def _frozen(names: Iterable[str]) -> frozenset[str]:
    return frozenset(names)


@frozen
class Format:
    """A maker's format.

    Attributes
    ----------
    name
        Name of the source; if empty, the name of the file is used.
    rows
        Function from the maker's table and the name of its file to rows with ``name`` (of the cell type), ``gene`` and,
        if the maker states them, ``cl_id``, ``organ``, ``species``, ``role`` and ``strength``.
    columns
        Columns by which the format is recognized, as :func:`header_key` writes them.
    organs
        What an organ of the maker means in words of the tissue vocabulary; empty for no organ in particular.
    ids_first
        Whether the maker's ids are preferred to the term that the ontology has for the name.
    """

    name: str
    rows: Callable[[pd.DataFrame, str], pd.DataFrame]
    columns: frozenset[str] = field(converter=_frozen)
    organs: Mapping[str, str] = field(factory=dict)
    ids_first: bool = True


@frozen
class Vocabulary:
    """The vocabularies in which the makers' words are looked up.

    Attributes
    ----------
    mouse
        Mouse symbols, by their upper-case form, that the bundled database uses for a mouse gene; all other mouse genes
        become their human ortholog, as the genes of a cluster do.
    """

    names: SourceNames
    tissues: Tissues
    genes: GeneNames
    mouse: Mapping[str, str]


@frozen
class Adapted:
    """A table with the columns of this package, and what was left out of it."""

    table: pd.DataFrame
    notes: tuple[str, ...]


def header_key(column: object) -> str:
    """A column name in small letters, with one underscore for each run of blanks and underscores."""
    return re.sub(r"[\s_]+", "_", str(column).strip().casefold())


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """The table with text in every cell, empty if there is no value, and with header keys as column names."""
    text = table.rename(columns=header_key)
    text = text.loc[:, ~text.columns.duplicated()].reset_index(drop=True)
    return text.astype(object).where(text.notna(), "").astype(str)


def split_genes(rows: pd.DataFrame, pattern: str = r"[,;|\t]") -> pd.DataFrame:
    """A row for each gene of the lists in the column ``gene``."""
    lists = rows["gene"].str.split(pattern, regex=True)
    return rows.assign(gene=lists).explode("gene", ignore_index=True)


def species_by_case(genes: pd.Series) -> str:
    """``mouse`` if the symbols are written as mouse symbols are, else ``both``."""
    return "mouse" if looks_like_mouse(list(genes.unique())) else "both"


def adapt(form: Format, table: pd.DataFrame, file_name: str, source: str, vocabulary: Vocabulary) -> Adapted:
    """A maker's table with the columns of this package.

    Parameters
    ----------
    file_name
        Name of the file; some makers state the species only there.
    source
        Source of all facts of the table.
    """
    rows = form.rows(as_text(table), file_name)
    rows = rows.assign(**{name: value for name, value in DEFAULTS.items() if name not in rows.columns})
    rows["gene"] = rows["gene"].astype(str).str.strip()
    rows = rows[~rows["gene"].str.match(_NO_GENE) & rows["name"].str.strip().ne("")].reset_index(drop=True)
    rows["gene"] = _symbols(rows, vocabulary)
    kinds = _kinds(rows, form, vocabulary)
    rows = rows.merge(kinds, on=["name", "organ", "cl_id"], sort=False)
    left_out = sorted(set(rows.loc[rows["id"].eq(LEFT_OUT), "name"]))
    rows = rows[rows["id"].ne(LEFT_OUT)]
    facts = pd.DataFrame(
        {
            "cell_type": rows["label"],
            "cl_id": rows["id"].where(rows["id"].ne(rows["label"]), ""),
            "gene": rows["gene"],
            "species": rows["species"],
            "tissue": rows["tissue"],
            "role": rows["role"],
            "strength": rows["strength"],
            **dict.fromkeys(STATED, ""),
            "sources": source,
        }
    )[list(COLUMNS)]
    return Adapted(_consistent(facts), _notes(left_out, source))


def _kinds(rows: pd.DataFrame, form: Format, vocabulary: Vocabulary) -> pd.DataFrame:
    """For each name in each organ the term's id (the name if there is no term), label and tissues."""
    kinds = rows[["name", "organ", "cl_id"]].drop_duplicates().reset_index(drop=True)
    ids, labels, places = [], [], []
    for name, organ, given in kinds.itertuples(index=False, name=None):
        term = given.strip().upper().replace("_", ":")
        cl_id = vocabulary.names.find(name, form.name, organ, term if form.ids_first else "")
        if cl_id is None and term in vocabulary.names.ontology:
            cl_id = term
        label = vocabulary.names.ontology.label(cl_id) if cl_id else name.strip()
        ids.append(label if cl_id is None else cl_id)
        labels.append(label)
        places.append(_place(form.organs.get(organ, organ), vocabulary.tissues))
    kinds = kinds.assign(id=ids, label=labels)
    by_id = pd.Series(places, index=ids, dtype=object).groupby(level=0, sort=False)
    return kinds.assign(tissue=kinds["id"].map({key: _united(list(of_type)) for key, of_type in by_id}))


def _symbols(rows: pd.DataFrame, vocabulary: Vocabulary) -> list[str]:
    """Current symbols, so that CD62L and SELL are one gene; a symbol that no table knows stays as it is."""
    current = {}
    for species, gene in set(zip(rows["species"], rows["gene"])):
        of = "mouse" if species == "mouse" else "human"
        current[species, gene] = vocabulary.genes.canonical(gene, of, vocabulary.mouse if of == "mouse" else {}) or gene
    return [current[pair] for pair in zip(rows["species"], rows["gene"])]


def _place(organ: str, tissues: Tissues) -> Optional[tuple[str, ...]]:
    """The tissues of an organ: empty for an organ without a name, None for one that the vocabulary does not know."""
    return (tissues.resolve(organ) or None) if organ else ()


def _united(places: list[Optional[tuple[str, ...]]]) -> str:
    known = [place for place in places if place is not None]
    tissues = sorted({tissue for place in known for tissue in place})
    return ";".join(tissues) if tissues and all(known) and len(tissues) < MANY_TISSUES else GENERAL


def _consistent(facts: pd.DataFrame) -> pd.DataFrame:
    """Each fact once; a gene is not negative if it is also positive, because two types of a maker can be one term."""
    facts = facts.sort_values(["role", "strength"], ascending=[False, True], kind="stable")
    facts = facts.drop_duplicates(["cell_type", "gene", "species", "role"])
    folded = facts["cell_type"] + "\t" + facts["gene"].str.upper()
    positive = set(folded[facts["role"].eq("positive")])
    return facts[facts["role"].eq("positive") | ~folded.isin(positive)].sort_index().reset_index(drop=True)


def _notes(left_out: list[str], source: str) -> tuple[str, ...]:
    if not left_out:
        return ()
    few = ", ".join(left_out[:3]) + (" ..." if len(left_out) > 3 else "")
    return (f"{len(left_out)} names in {source} fit no Cell Ontology term and were left out: {few}",)
