"""One fact of a marker database with its witnesses, as an object and as text; or what there is instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Union

import pandas as pd
from attrs import frozen

from gca_scanpy._arguments import checked
from gca_scanpy._names.words import distance
from gca_scanpy._scoring.database import STATED, MarkerDatabase
from gca_scanpy._scoring.facts import ASCTB, AT, PROFILE
from gca_scanpy.db import _bundled, _describe
from gca_scanpy.db._io import BUNDLED, Source, load
from gca_scanpy.errors import InputError

SHOWN = 5  # types or genes in a message
FAR = 99  # more steps than between any two related terms


@frozen
class Citation:
    """A table of ASCT+B that states a fact.

    Attributes
    ----------
    table
        Its organ and version, such as ``kidney v1.8``.
    references
        What it cites, as ``doi:10...`` or ``PMID:...``. References belong to a row, which may have several genes.
    """

    table: str
    references: tuple[str, ...]


@frozen
class Witness:
    """A source that states a fact, or an expression profile in which the gene stands out.

    Attributes
    ----------
    name, title
        Name of the source in tables of facts, and as readers know it.
    kind
        ``list`` (written by curators), ``computed`` (from single-cell data), ``vendor`` (a catalog of antibodies),
        ``profile`` (mean expression of a study's cell types), or empty for a source of your own table.
    grade
        ``exact`` if it is about this very type, ``nearby`` if it is about a neighbor of it in the ontology.
    neighbor, neighbor_id
        Name and id of this neighbor; empty for an exact witness.
    relation
        ``narrower`` if the neighbor is a kind of the type, ``wider`` if the type is a kind of the neighbor.
    citation, doi, home
        Its publication and its web page, as far as there are any.
    tables
        For ASCT+B, the tables that state the fact.
    """

    name: str
    kind: str
    grade: str
    title: str = ""
    neighbor: str = ""
    neighbor_id: str = ""
    relation: str = ""
    citation: str = ""
    doi: str = ""
    home: str = ""
    tables: tuple[Citation, ...] = ()

    def __str__(self) -> str:
        where = f"doi:{self.doi}" if self.doi else self.home
        near = f", for {_named(self.neighbor, self.neighbor_id)}, a {self.relation} type" if self.neighbor_id else ""
        return ". ".join(filter(None, [f"{self.title}{near}", self.citation, where]))


@frozen
class Fact:
    """A gene that marks a cell type, or speaks against it; ``print`` shows it with its witnesses.

    Attributes
    ----------
    cell_type, ontology_id
        Name and Cell Ontology id of the type; the id is empty if the type has none.
    gene
        Symbol.
    role
        ``positive`` or ``negative``.
    strength
        ``canonical``, ``supporting`` or ``weak``.
    species
        ``human``, ``mouse`` or ``both``.
    tissue
        The tissues in which the type typically occurs.
    witnesses
        The sources that state the fact, and for a positive fact the profiles in which the gene stands out; those about
        this very type come first.
    seen_in, not_seen_in
        The expression profiles of this type in which the gene stands out, and the others that measure it.
    decision, reason
        What the curators of the bundled database decided about the fact (``added``, ``kept`` although sources
        contradict it, or ``marked`` otherwise than before), and why; mostly empty.
    database
        Name and version of the database.
    """

    cell_type: str
    ontology_id: str
    gene: str
    role: str
    strength: str
    species: str
    tissue: tuple[str, ...]
    witnesses: tuple[Witness, ...]
    seen_in: tuple[str, ...]
    not_seen_in: tuple[str, ...]
    decision: str
    reason: str
    database: str

    @property
    def stated_by(self) -> tuple[str, ...]:
        """The lists that state the fact for this very type."""
        return tuple(w.name for w in self.witnesses if w.grade == "exact" and w.kind != PROFILE)

    def __str__(self) -> str:
        return "\n".join(_lines(self))


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
    symbols = _describe.symbols(database, gene)
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
            f"{_describe.title(database)} has no fact about {symbol} and {_named(name, cl_id)}",
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
    return f"{symbol} marks {_few([_named(*term) for term in terms])}"


def _few(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _title(name: str) -> str:
    source = _bundled.sources_by_name().get(name)
    return source.title if source else name


def _named(name: str, cl_id: str) -> str:
    """A type with its id, as far as it has both."""
    return f"{name} ({cl_id})" if name and cl_id else name or cl_id


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _lines(fact: Fact) -> Iterator[str]:
    """The text of a fact."""
    marks = "marks" if fact.role == "positive" else "speaks against"
    species = "human and mouse" if fact.species == "both" else fact.species
    details = ", ".join([fact.strength, species, *fact.tissue])
    yield f"{fact.gene} {marks} {_named(fact.cell_type, fact.ontology_id)} in {fact.database}: {details}"
    if fact.decision:
        yield f"  {fact.decision}: {fact.reason}"
    if not fact.witnesses:
        yield "  no source states it"
    exact = [w for w in fact.witnesses if w.grade == "exact"]
    nearby = [w for w in fact.witnesses if w.grade == "nearby"]
    if fact.stated_by:
        yield f"  stated by {_count(len(fact.stated_by), 'source')}:"
    for witness in exact:
        if witness.name in fact.stated_by:
            yield f"    {witness}"
            for table in witness.tables:
                yield f"      {table.table}{': ' if table.references else ''}{', '.join(table.references)}"
    measured = len(fact.seen_in) + len(fact.not_seen_in)
    if measured:
        yield f"  stands out in {len(fact.seen_in)} of {_count(measured, 'expression profile')} of this type:"
        shown = {witness.name: str(witness) for witness in exact}
        yield from (f"    {shown.get(name, _title(name))}" for name in fact.seen_in)
    if fact.not_seen_in:
        yield f"    not in {', '.join(map(_title, fact.not_seen_in))}"
    if nearby:
        yield f"  stated or seen for a neighboring type by {_count(len(nearby), 'source')}:"
    yield from (f"    {witness}" for witness in nearby)
