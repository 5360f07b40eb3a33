"""Describes marker databases: their numbers, the facts of one cell type, and whether their rules hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

from attrs import frozen

from gca_scanpy._arguments import checked
from gca_scanpy._names.spelling import nearest
from gca_scanpy._scoring.database import MarkerDatabase
from gca_scanpy.db import _assets, _bundled, _rules
from gca_scanpy.db._load import BUNDLED, PROJECT, Source, load
from gca_scanpy.errors import InputError

PROJECT_LICENSE = "BSD-3-Clause"


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
    """Numbers of a database: types, genes, facts, negative facts, and facts with a source."""

    types: int
    genes: int
    facts: int
    negative: int
    corroborated: int


@frozen
class Marker:
    """A fact of a cell type."""

    gene: str
    role: str
    strength: str
    species: str
    tissue: str
    sources: tuple[str, ...]


def sources() -> list[SourceState]:
    """Everything that can be loaded by name, ready or not."""
    states = [SourceState(BUNDLED, True, f"version {_bundled.database().version}", PROJECT_LICENSE, PROJECT)]
    for name, asset in _assets.ASSETS.items():
        files = ", ".join(path.name for path in _assets.present(name))
        state = files or f"no file; gca markers fetch {name}"
        states.append(SourceState(name, bool(files), state, asset.license, asset.home))
    return states


def numbers(database: MarkerDatabase) -> Numbers:
    """The numbers of a database."""
    facts = database.facts
    return Numbers(
        types=int(facts["cell_type"].nunique()),
        genes=int(facts["gene"].nunique()),
        facts=len(facts),
        negative=int(facts["role"].eq("negative").sum()),
        corroborated=int(facts["sources"].ne("").sum()),
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
    term = ontology.resolve(name)
    is_type = facts["cl_id"].eq(term) if term else facts["cell_type"].str.casefold().eq(name.strip().casefold())
    if is_type.any():
        first = facts[is_type].iloc[0]
        return str(first["cell_type"]), str(first["cl_id"])
    known = f"{ontology.label(term)} ({term})" if term else repr(name)
    what = "is not one of its types" if term else "is neither one of its types nor a Cell Ontology name"
    msg = f"{database.version}: {known} {what}{_nearest(database, name)}"
    raise InputError(msg)


def _nearest(database: MarkerDatabase, name: str) -> str:
    folded = {str(kind).casefold(): str(kind) for kind in database.facts["cell_type"].unique()}
    near = nearest(name.strip().casefold(), folded)
    return f"; similar names are: {', '.join(folded[key] for key in near)}" if near else ""


def markers(database: MarkerDatabase, kind: str) -> list[Marker]:
    """The facts of a type: positive before negative, then canonical first, then those with most sources first."""
    of_type = database.facts[database.facts["cell_type"].eq(kind)]
    columns = ["gene", "role", "strength", "species", "tissue", "sources"]
    facts = [
        Marker(gene, role, strength, species, tissue, tuple(filter(None, stated.split(";"))))
        for gene, role, strength, species, tissue, stated in of_type[columns].itertuples(index=False, name=None)
    ]
    return sorted(facts, key=lambda m: (m.role == "negative", m.strength, -len(m.sources), m.gene))


@frozen(eq=False)
class Verification:
    """The result of :func:`verify`.

    Attributes
    ----------
    database
        The database that was checked.
    mended
        What was corrected or left out while it was read.
    errors
        Findings because of which the database cannot be used.
    warnings
        Findings that are worth a look; the database can be used.
    """

    database: MarkerDatabase
    mended: tuple[str, ...]
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
