"""A fact of a marker database with its witnesses, as an object and as text."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from gca_scanpy._scoring.facts import PROFILE
from gca_scanpy.db import _bundled


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
        near = f", for {named(self.neighbor, self.neighbor_id)}, a {self.relation} type" if self.neighbor_id else ""
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


def _title(name: str) -> str:
    source = _bundled.sources_by_name().get(name)
    return source.title if source else name


def named(name: str, cl_id: str) -> str:
    """A type with its id, as far as it has both."""
    return f"{name} ({cl_id})" if name and cl_id else name or cl_id


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _lines(fact: Fact) -> Iterator[str]:
    """The text of a fact."""
    marks = "marks" if fact.role == "positive" else "speaks against"
    species = "human and mouse" if fact.species == "both" else fact.species
    details = ", ".join([fact.strength, species, *fact.tissue])
    yield f"{fact.gene} {marks} {named(fact.cell_type, fact.ontology_id)} in {fact.database}: {details}"
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
