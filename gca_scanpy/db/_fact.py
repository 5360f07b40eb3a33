"""Looks up one fact of a marker database, or says what there is instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Union

import pandas as pd

from gca_scanpy._arguments import checked
from gca_scanpy._names.genes import ENSEMBL, SPECIES, clean, parts
from gca_scanpy._names.words import distance, nearest
from gca_scanpy._scoring.database import STATED, MarkerDatabase
from gca_scanpy._scoring.facts import ASCTB, AT, PROFILE
from gca_scanpy.db import _bundled, _describe
from gca_scanpy.db._io import BUNDLED, Source, load
from gca_scanpy.db._receipt import Citation, Fact, Witness, named
from gca_scanpy.errors import InputError, shown

SHOWN = 5  # types or genes in a message
FAR = 99  # more steps than between any two related terms
MIN_LETTERS = 3  # of a name, to look for longer ones
_SEPARATOR = re.compile(r"[\s._]+")


@checked()
def fact(gene: str, cell_type: str, source: Union[Source, Sequence[Source]] = BUNDLED) -> Fact:
    """Look up one fact of a marker database, with all its witnesses.

    Parameters
    ----------
    gene
        A gene in any spelling that the package reads: a current or older symbol of human or mouse, or a human
        Ensembl id; one gene, not several.
    cell_type
        A type by its id, or by any name that :func:`gca_scanpy.names.find` reads.
    source
        As :func:`load` takes it. The sources of your own table are shown as it names them.

    Returns
    -------
    Fact
        The fact; ``print(fact)`` shows its witnesses with their publications.

    Raises
    ------
    InputError
        If the database does not have the gene for this type. The message names the types that have the gene, and the
        genes that the type has.
    DatabaseError
        If the database cannot be loaded.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> fact = gca.db.fact("CD20", "B cells")
    >>> fact.gene, fact.cell_type, fact.strength, "panglaodb" in fact.stated_by
    ('MS4A1', 'B cell', 'canonical', True)
    """
    database = load(source)
    symbols = _symbols(database, gene)
    try:
        name, cl_id = _describe.cell_type(database, cell_type)
    except InputError as error:
        msg = f"{error}; {_having(database, symbols[0], _bundled.ontology().resolve(cell_type) or '')}"
        raise InputError(msg) from None
    of_type = database.facts[database.facts["cell_type"].eq(name)]
    for symbol in symbols:
        rows = of_type[of_type["gene"].eq(symbol)]
        if len(rows):
            return _fact(database, rows)
    msg = _no_fact(database, symbols[0], name, cl_id)
    raise InputError(msg)


def _symbols(database: MarkerDatabase, gene: str) -> list[str]:
    """The symbols that a name of a gene may mean, those of the database first; a mouse symbol may be another gene's."""
    known = {symbol.upper(): symbol for symbol in database.facts["gene"].unique()}
    if _are_several(gene, known):
        msg = f"{shown(gene)} is more than one gene; pass one gene, such as 'CD79A'"
        raise InputError(msg)
    symbols = _readings(gene, known)
    if not symbols:
        raise InputError(_unread(gene, known))
    return sorted(symbols, key=lambda symbol: symbol.upper() not in known)


def _readings(gene: str, known: Mapping[str, str]) -> list[str]:
    """The symbols of a gene as a human and as a mouse gene."""
    readings = [_bundled.gene_names().canonical(gene, species, known) for species in SPECIES]
    return list(dict.fromkeys(symbol for symbol in readings if symbol))


def _are_several(text: str, known: Mapping[str, str]) -> bool:
    """Whether a text names more than one gene: ``MS4A1;CD3D``, but not ``CD20/MS4A1`` or ``HLA DRA``."""
    key = text.strip().upper()
    if key in known or key in _bundled.gene_names().older:  # an alias may be Y+LAT-2
        return False
    names = parts(text)
    if len(names) < 2:  # other separators are also within the name of one gene
        names = _SEPARATOR.split(text.strip())
        are_genes = all(_readings(name, known) for name in names)
        is_one = not any(map(ENSEMBL.match, names)) and _readings("-".join(names), known)
        if is_one or not are_genes:
            return False
    genes = {(_readings(name, known) or [name.upper()])[0] for name in names}
    unknown_ids = set(filter(ENSEMBL.match, genes))  # beside a symbol, such an id may be of the same gene
    return len(genes - unknown_ids or unknown_ids) > 1


def _unread(gene: str, known: Mapping[str, str]) -> str:
    """That a gene cannot be read, and what to pass instead."""
    if ENSEMBL.match(clean(gene)) and not clean(gene).upper().startswith("ENSG"):
        return (
            f"{shown(gene)} is an Ensembl id of another species than human, and only human ones are known; "
            "pass the symbol of the gene, such as 'Cd79a'"
        )
    near = _other_spellings(gene, known) or [known[key] for key in nearest(gene.strip().upper(), known, SHOWN)]
    hint = f"; similar genes are: {', '.join(near[:SHOWN])}" if near else ""
    return f"{shown(gene)} is not a gene that can be read; pass a symbol, such as 'CD79A', or a human Ensembl id{hint}"


def _other_spellings(gene: str, known: Mapping[str, str]) -> list[str]:
    """The genes of the database with a name that has other dashes (``PD-1`` for PD1), or one letter more (CD16A)."""
    text = gene.strip().upper().replace("-", "")
    if len(text) < MIN_LETTERS:
        return []
    found: dict[str, tuple[str, str]] = {}  # by symbol; symbols come before their aliases
    for name, symbol in chain(known.items(), _bundled.gene_names().older.items()):
        letters = name.replace("-", "")
        ending = letters[len(text) :]
        if letters.startswith(text) and len(ending) < 2 and not ending.isdigit() and symbol.upper() in known:
            found.setdefault(symbol, (ending, symbol if name == symbol.upper() else f"{name} ({symbol})"))
    return [shown_as for _, shown_as in sorted(found.values())]


def _fact(database: MarkerDatabase, rows: pd.DataFrame) -> Fact:
    """The fact of one or several rows, which may be of the two species; the first sign and the best strength count."""
    rows = rows[rows["role"].eq(rows["role"].iloc[0])]
    first = rows.sort_values("strength", kind="stable").iloc[0]
    species = set(rows["species"])
    cells = {column: _parts(rows[column]) for column in STATED}
    decided = ("", "")
    if _bundled.database().version in database.version.split("+"):
        decided = _bundled.decisions().get((first["cl_id"], first["gene"]), decided)
    exact = [_witness(name, "", first) for name in cells["sources"]]
    if first["role"] == "positive":
        exact += [_witness(name, PROFILE, first) for name in cells["seen"]]
    return Fact(
        cell_type=first["cell_type"],
        ontology_id=first["cl_id"],
        gene=first["gene"],
        role=first["role"],
        strength=first["strength"],
        species=species.pop() if len(species) == 1 else "both",
        tissue=_parts(rows["tissue"]),
        witnesses=(*exact, *(_witness(name, "", first) for name in cells["nearby"])),
        seen_in=cells["seen"],
        not_seen_in=tuple(name for name in cells["unseen"] if name not in cells["seen"]),
        decision=decided[0],
        reason=decided[1],
        database=_describe.title(database),
    )


def _parts(cells: Iterable[str]) -> tuple[str, ...]:
    """The parts of ``;``-separated texts, each once."""
    return tuple(dict.fromkeys(part for cell in cells for part in cell.split(";") if part))


def _witness(text: str, kind: str, fact: pd.Series) -> Witness:
    """A witness, from its name in the table of facts; ``@`` separates a neighbor of the type from the name."""
    name, is_nearby, neighbor = text.partition(AT)
    ontology, source = _bundled.ontology(), _bundled.sources_by_name().get(name)
    cited = _bundled.citations().get((fact["cl_id"], fact["gene"]), []) if text == ASCTB else []
    return Witness(
        name=name,
        kind=source.kind if source else kind,
        grade="nearby" if is_nearby else "exact",
        title=source.title if source else name,
        neighbor=ontology.label(neighbor) if neighbor in ontology else "",
        neighbor_id=neighbor,
        relation=("narrower" if fact["cl_id"] in ontology.ancestors(neighbor) else "wider") if neighbor else "",
        citation=source.citation if source else "",
        doi=source.doi if source else "",
        home=source.home if source else "",
        tables=tuple(Citation(table, references) for table, references in cited),
    )


def _no_fact(database: MarkerDatabase, symbol: str, name: str, cl_id: str) -> str:
    """That a fact is not there, which types have the gene, and which genes the type has, similar ones first."""
    genes = [marker.gene for marker in _describe.markers(database, name) if marker.role == "positive"]
    similar = [gene for gene in genes if distance(symbol, gene) == 1]
    decision, reason = _bundled.decisions().get((cl_id, symbol), ("", ""))
    was_removed = decision == "removed" and database is _bundled.database()
    return "; ".join(
        [
            f"{_describe.title(database)} has no fact about {symbol} and {named(name, cl_id)}",
            *([f"it was removed: {reason}"] if was_removed else []),
            _having(database, symbol, cl_id),
            f"markers of {name} are {_few(list(dict.fromkeys([*similar, *genes])))}",
        ]
    )


def _having(database: MarkerDatabase, symbol: str, cl_id: str) -> str:
    """Which types have a gene: those that are nearest to a term in the ontology first."""
    facts, ancestors = database.facts, _bundled.ontology().ancestors
    having = facts[facts["gene"].eq(symbol) & facts["role"].eq("positive")].drop_duplicates("cell_type")

    def steps(other: str) -> int:
        return min(ancestors(cl_id).get(other, FAR), ancestors(other).get(cl_id, FAR))

    terms = sorted(zip(having["cell_type"], having["cl_id"]), key=lambda term: (steps(term[1]), term[0]))
    if not terms:
        return f"no type has {symbol} as a marker"
    return f"{symbol} marks {_few([named(*term) for term in terms])}"


def _few(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
