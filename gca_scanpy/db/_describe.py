"""Describes marker databases: their numbers, the types and genes that names mean, and whether their rules hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Union

from attrs import frozen

from gca_scanpy._arguments import checked
from gca_scanpy._names.genes import ENSEMBL, SPECIES, clean
from gca_scanpy._names.genes import parts as genes_in
from gca_scanpy._names.words import nearest
from gca_scanpy._scoring.database import STATED, MarkerDatabase
from gca_scanpy._scoring.facts import parts
from gca_scanpy.db import _assets, _bundled, _rules
from gca_scanpy.db._io import BUNDLED, PROJECT, Source, load
from gca_scanpy.errors import InputError, shown

PROJECT_LICENSE = "BSD-3-Clause"
MAX_SIMILAR = 5  # genes in a message
MIN_LETTERS = 3  # of a name, to look for longer ones
_SEPARATOR = re.compile(r"[\s._]+")


@frozen
class SourceState:
    """A source that can be loaded by name.

    Attributes
    ----------
    name
        As ``load`` takes it.
    ready
        Whether its table can be loaded.
    state
        The version or file that is there, or what is missing.
    license, home
        Terms of use, and web page of the makers.
    """

    name: str
    ready: bool
    state: str
    license: str
    home: str


@frozen
class Numbers:
    """Numbers of a database.

    Attributes
    ----------
    types, genes, facts, negative
        How many there are.
    exact, nearby
        Facts that a source states or a profile shows for their very type, and those with a witness for a neighbor only.
    """

    types: int
    genes: int
    facts: int
    negative: int
    exact: int
    nearby: int


@frozen
class Marker:
    """A fact of a cell type.

    Attributes
    ----------
    sources, nearby
        The sources that state it for this type, and those that state it for a neighbor only.
    seen, measured
        Number of expression profiles of this type in which the gene stands out, and of those that measure it.
    """

    gene: str
    role: str
    strength: str
    species: str
    tissue: str
    sources: tuple[str, ...]
    nearby: tuple[str, ...] = ()
    seen: int = 0
    measured: int = 0

    @property
    def standing(self) -> str:
        """How many profiles and lists there are for it, such as ``6/7 profiles; 3 lists``."""
        profiles = f"{self.seen}/{self.measured} profiles" if self.measured else ""
        lists = f"{len(self.sources)} list{'' if len(self.sources) == 1 else 's'}" if self.sources else ""
        is_witnessed = self.sources or self.seen
        near = f"{len(self.nearby)} for a neighboring type" if self.nearby and not is_witnessed else ""
        return "; ".join(filter(None, [profiles, lists, near])) or "none"


def sources() -> list[SourceState]:
    """Everything that can be loaded by name, ready or not."""
    states = [SourceState(BUNDLED, True, f"version {_bundled.database().version}", PROJECT_LICENSE, PROJECT)]
    for name, asset in _assets.ASSETS.items():
        files = ", ".join(path.name for path in _assets.present(name))
        state = files or f"no file; gca markers fetch {name}"
        states.append(SourceState(name, bool(files), state, asset.license, asset.home))
    return states


def title(database: MarkerDatabase) -> str:
    """Name and version of a database."""
    return f"{PROJECT} {database.version}" if database is _bundled.database() else database.version


def numbers(database: MarkerDatabase) -> Numbers:
    """The numbers of a database."""
    facts = database.facts
    is_positive = facts["role"].eq("positive")
    # That a gene stands out speaks against a negative fact.
    exact = facts["sources"].ne("") | (facts["seen"].ne("") & is_positive)
    return Numbers(
        types=int(facts["cell_type"].nunique()),
        genes=int(facts["gene"].nunique()),
        facts=len(facts),
        negative=int((~is_positive).sum()),
        exact=int(exact.sum()),
        nearby=int((facts["nearby"].ne("") & ~exact).sum()),
    )


def cell_type(database: MarkerDatabase, name: str) -> tuple[str, str]:
    """The name and the id of a type of the database.

    Parameters
    ----------
    name
        Either of them, or a synonym that the Cell Ontology has for the type.

    Raises
    ------
    InputError
        If the database has no such type.
    """
    facts, ontology = database.facts, _bundled.ontology()
    types = facts.drop_duplicates("cell_type")
    reading = ontology.read(name)
    term = reading.ontology_id
    # A type of a user's table may have a name that says more than its term, or a name of its own.
    of_name = types[types["cell_type"].str.casefold().eq(name.strip().casefold())]
    for found in (of_name, types[types["cl_id"].eq(term or "no id")]):
        if len(found):
            return str(found["cell_type"].iloc[0]), str(found["cl_id"].iloc[0])
    if term:
        text = f"{ontology.label(term)} ({term}) is not one of its types{_nearest(database, ontology.label(term))}"
    elif reading.candidates:
        text = f"{shown(name)} may mean {' or '.join(f'{ontology.label(one)} ({one})' for one in reading.candidates)}"
    else:
        text = f"{shown(name)} is neither one of its types nor a Cell Ontology name{_nearest(database, name)}"
    msg = f"{title(database)}: {text}"
    raise InputError(msg)


def _nearest(database: MarkerDatabase, name: str) -> str:
    folded = {str(kind).casefold(): str(kind) for kind in database.facts["cell_type"].unique()}
    near = nearest(name.strip().casefold(), folded)
    return f"; similar names are: {', '.join(folded[key] for key in near)}" if near else ""


def symbols(database: MarkerDatabase, gene: str) -> list[str]:
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
    names = genes_in(text)
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
    near = _other_spellings(gene, known) or [known[key] for key in nearest(gene.strip().upper(), known, MAX_SIMILAR)]
    hint = f"; similar genes are: {', '.join(near[:MAX_SIMILAR])}" if near else ""
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


def markers(database: MarkerDatabase, kind: str) -> list[Marker]:
    """The facts of a type: positive before negative, canonical first, then those with most sources and profiles."""
    of_type = database.facts[database.facts["cell_type"].eq(kind)]
    columns = ["gene", "role", "strength", "species", "tissue", *STATED]
    facts = []
    for gene, role, strength, species, tissue, *stated in of_type[columns].itertuples(index=False, name=None):
        sources, nearby, seen, unseen = map(parts, stated)
        measured = len(seen) + len(unseen)
        facts.append(Marker(gene, role, strength, species, tissue, sources, nearby, len(seen), measured))
    return sorted(facts, key=lambda m: (m.role == "negative", m.strength, -len(m.sources), -m.seen, m.gene))


@frozen(eq=False)
class Verification:
    """The result of :func:`verify`.

    Attributes
    ----------
    database
        The database that was checked.
    corrected
        What was corrected or left out while it was read.
    errors
        Findings because of which the database cannot be used.
    warnings
        Findings that are worth a look; the database can be used.
    """

    database: MarkerDatabase
    corrected: tuple[str, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the database can be used."""
        return not self.errors


@checked()
def verify(source: Union[Source, Sequence[Source]] = BUNDLED) -> Verification:
    """Load a marker database and check its facts.

    Parameters
    ----------
    source
        As :func:`load` takes it. The bundled database must keep all rules: current ids with the ontology's names,
        current symbols, no fact twice, no gene with both signs. Your own table may have types and genes of its own.

    Returns
    -------
    Verification
        What was corrected, the errors and the warnings.

    Raises
    ------
    DatabaseError
        If it cannot be loaded.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> gca.db.verify().ok
    True
    """
    database = load(source)
    facts, ontology, genes = database.facts, _bundled.ontology(), _bundled.gene_names()
    hard, soft = _rules.signs(facts), _rules.few(facts)
    doubtful = [*_rules.symbols(facts, genes), *_rules.duplicates(facts)]
    if database is _bundled.database():
        hard += [*_rules.ids(facts, ontology), *_rules.names(facts, ontology), *doubtful]
    else:
        # In a user's table, genes of their own and a fact for both species and again for one do no harm.
        soft += doubtful
    return Verification(database, database.notes, tuple(map(str, hard)), tuple(map(str, soft)))
