"""Loads marker databases from wherever they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Union

import pandas as pd
from attrs import evolve

from gca_scanpy._scoring.database import WEAK, MarkerDatabase, fingerprint, merge, validate
from gca_scanpy.db import _assets, _bundled
from gca_scanpy.db._adapters import Adapted, Vocabulary, adapt, recognize
from gca_scanpy.db._files import bare_name, read

BUNDLED = "bundled"
PROJECT = "gca-scanpy"  # the bundled database among the sources of a merged one
Source = Union[str, "os.PathLike[str]", pd.DataFrame, MarkerDatabase]


def load(source: Union[Source, Sequence[Source]] = BUNDLED) -> MarkerDatabase:
    """Load a marker database.

    Parameters
    ----------
    source
        ``"bundled"`` for the project's own; a file; a DataFrame; the name of a public table; or a list of these,
        which are merged by Cell Ontology term. What more of them state weighs more, and where they differ the
        first decides. Beside the bundled database a fact that a single public table states is weak, whatever the
        table says of it.

        A table needs the columns ``cell_type`` and ``gene``; ``cl_id``, ``species`` (human, mouse, both),
        ``tissue``, ``role`` (positive, negative), ``strength`` (canonical, supporting, weak) and ``sources`` may join
        them. The files of PanglaoDB, CellMarker 2.0, ScType and CellTypist are read as their makers publish
        them, and so are gene sets and decoupler's networks (``source``, ``target``, ``weight``); they are told
        by their header. Files are ``.tsv``, ``.csv`` (either with ``.gz``), ``.gmt``, ``.parquet`` (needs
        pyarrow) or ``.xlsx`` (needs openpyxl).

        ``"panglaodb"``, ``"cellmarker2"``, ``"sctype"`` and ``"celltypist"`` are read from the assets folder
        (``gca.settings.assets_home``), ``"cellconsensus"`` from the package of that name where it is installed.

    Returns
    -------
    MarkerDatabase
        The facts, their version and their sha256.

    Raises
    ------
    DatabaseError
        Where the file is not there, cannot be read, or a row of it cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> import gca_scanpy as gca
    >>> own = pd.DataFrame({"cell_type": ["B cell", "B cell"], "gene": ["MS4A1", "CD79A"]})
    >>> gca.db.load(own).facts[["cell_type", "cl_id", "gene"]].values.tolist()
    [['B cell', 'CL:0000236', 'MS4A1'], ['B cell', 'CL:0000236', 'CD79A']]
    """
    if isinstance(source, MarkerDatabase):
        return source
    if isinstance(source, pd.DataFrame):
        return _database([_adapted(source, "DataFrame", "")], "DataFrame")
    if not isinstance(source, (str, os.PathLike)):
        parts = [load(part) for part in source]
        if len(parts) < 2:
            return merge(parts)
        merged = merge([_witness(part) for part in parts])
        return _weighed(merged) if _bundled.database() in parts else merged
    if source == BUNDLED:
        return _bundled.database()
    if source in _assets.NAMES:
        return _database([_from_file(path) for path in _assets.find(str(source))], str(source))
    path = Path(source).expanduser()
    return _database([_from_file(path)], path.name)


def _witness(database: MarkerDatabase) -> MarkerDatabase:
    """A database that does not say of every fact where it is from is itself a source of all that it states."""
    if database.facts["sources"].ne("").all():
        return database
    name = PROJECT if database is _bundled.database() else database.version
    named = {stated: f"{name};{stated}".strip(";") for stated in database.facts["sources"].unique()}
    return evolve(database, facts=database.facts.assign(sources=database.facts["sources"].map(named)))


def _weighed(database: MarkerDatabase) -> MarkerDatabase:
    """A positive fact that a single public table states is weak: much of it is noise beside what was curated."""
    facts = database.facts
    alone = facts["sources"].isin(_assets.NAMES) & facts["role"].eq("positive")
    if not alone.any():
        return database
    note = f"{int(alone.sum())} facts that a single public table states count as weak beside the bundled database"
    facts = facts.assign(strength=facts["strength"].mask(alone, WEAK))
    return evolve(database, facts=facts, sha256=fingerprint(facts), notes=(*database.notes, note))


def _from_file(path: Path) -> Adapted:
    return _adapted(read(path), path.name, bare_name(path))


def _adapted(table: pd.DataFrame, name: str, source: str) -> Adapted:
    """A table of ours, or of a maker's as one of ours."""
    form = recognize(table.columns)
    if form is not None:
        return adapt(form, table, name, form.name or source, _vocabulary())
    return Adapted(table, ())


def _vocabulary() -> Vocabulary:
    return Vocabulary(_bundled.source_names(), _bundled.tissues(), _bundled.gene_names(), _bundled.mouse_symbols())


def _database(parts: Sequence[Adapted], version: str) -> MarkerDatabase:
    table = parts[0].table if len(parts) == 1 else pd.concat([part.table for part in parts], ignore_index=True)
    database = validate(table, _bundled.ontology(), _bundled.gene_names(), version)
    return evolve(database, notes=(*sum((part.notes for part in parts), ()), *database.notes))
