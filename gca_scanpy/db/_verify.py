"""Checks a marker database before anybody relies on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

from attrs import frozen

from gca_scanpy._core.database import MarkerDatabase
from gca_scanpy.db import _bundled, _rules
from gca_scanpy.db._load import BUNDLED, Source, load


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
