"""Loads marker databases (the bundled one, files, tables, or several merged), and writes them to files."""

from __future__ import annotations

import errno
import gzip
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Callable, Optional, Union

import numpy as np
import pandas as pd
from attrs import evolve

from gca_scanpy import _packages, _statistics, _tables
from gca_scanpy._arguments import checked
from gca_scanpy._files import whole
from gca_scanpy._scoring.database import COLUMNS, WEAK, MarkerDatabase, fingerprint, merge, validate
from gca_scanpy.db import _assets, _bundled
from gca_scanpy.db._adapt import Adapted, Vocabulary, adapt, header_key
from gca_scanpy.db._formats import recognize
from gca_scanpy.errors import DatabaseError, InputError

BUNDLED = "bundled"
PROJECT = "gca-scanpy"
Source = Union[str, "os.PathLike[str]", pd.DataFrame, MarkerDatabase]


@checked()
def load(source: Union[Source, Sequence[Source]] = BUNDLED) -> MarkerDatabase:
    """Load a marker database.

    Parameters
    ----------
    source
        ``"bundled"`` for the project's own; a file; a DataFrame; the name of a public table; or a list of these,
        which is merged by Cell Ontology term. A fact that more of them state weighs more. If they contradict each
        other, the first one decides. Next to the bundled database, a fact that only one public table states counts as
        weak, whatever strength the table gives it.

        A table needs the columns ``cell_type`` and ``gene``; ``cl_id``, ``species`` (human, mouse, both),
        ``tissue``, ``role`` (positive, negative), ``strength`` (canonical, supporting, weak) and ``sources`` are
        optional. The files of PanglaoDB, CellMarker 2.0, ScType and CellTypist are read as their makers publish
        them, and so are gene sets and decoupler's networks (``source``, ``target``, ``weight``); they are
        recognized by their columns. Files are csv, tsv, json or gmt (each of them also with ``.gz``), parquet (needs
        pyarrow) or xlsx (needs openpyxl; the first sheet is read).

        ``"panglaodb"``, ``"cellmarker2"``, ``"sctype"`` and ``"celltypist"`` are read from the assets folder
        (``gca.settings.assets_home``).

    Returns
    -------
    MarkerDatabase
        The facts, their version and their sha256.

    Raises
    ------
    DatabaseError
        If the file does not exist or cannot be read, or a row of it cannot be used.

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
        return _database([_from_frame(source)], "DataFrame")
    if not isinstance(source, (str, os.PathLike)):
        parts = [load(part) for part in source]
        if len(parts) < 2:
            return merge(parts)
        merged = merge([_witness(part) for part in parts])
        return _weighed(merged) if _bundled.database() in parts else merged
    if source == BUNDLED:
        return _bundled.database()
    if source in _assets.ASSETS:
        return _database([_from_file(path) for path in _assets.find(str(source))], str(source))
    path = Path(source).expanduser()
    return _database([_from_file(path)], path.name)


def _witness(database: MarkerDatabase) -> MarkerDatabase:
    """The database; a table of the user's becomes a source of all its facts unless each of them has one already."""
    if database is _bundled.database() or database.facts["sources"].ne("").all():
        return database
    named = {stated: f"{database.version};{stated}".strip(";") for stated in database.facts["sources"].unique()}
    return evolve(database, facts=database.facts.assign(sources=database.facts["sources"].map(named)))


def _weighed(database: MarkerDatabase) -> MarkerDatabase:
    """The database with weak positive facts where a single public table states them: many of these are noise."""
    facts, bundled = database.facts, _bundled.database().facts
    curated = set(zip(bundled["cl_id"], bundled["gene"].str.upper()))
    alone = facts["sources"].isin(list(_assets.ASSETS)) & facts["role"].eq("positive")
    alone &= np.array([fact not in curated for fact in zip(facts["cl_id"], facts["gene"].str.upper())])
    if not alone.any():
        return database
    note = f"{int(alone.sum())} facts that a single public table states count as weak beside the bundled database"
    facts = facts.assign(strength=facts["strength"].mask(alone, WEAK))
    return evolve(database, facts=facts, sha256=fingerprint(facts), notes=(*database.notes, note))


def _from_file(path: Path) -> Adapted:
    try:
        table = _tables.read(path, DatabaseError)
    except OSError as error:
        if error.errno != errno.ENOENT:
            msg = f"the marker table cannot be used: {error}"
            raise DatabaseError(msg) from error
        msg = (
            f"there is no marker table at {path}; marker_db takes 'bundled', the name of a public table "
            f"({', '.join(_assets.ASSETS)}), or the path of a {_tables.KINDS} file"
        )
        raise DatabaseError(msg) from error
    return _adapted(table, path.name, Path(path.name.removesuffix(".gz")).stem)


def _from_frame(frame: pd.DataFrame) -> Adapted:
    try:
        table = _tables.as_text(frame)
    except ValueError as error:
        msg = f"the marker table DataFrame cannot be used: {error}"
        raise DatabaseError(msg) from error
    return _adapted(table, "DataFrame", "")


def _adapted(table: pd.DataFrame, name: str, source: str) -> Adapted:
    """A table with the columns of this package; one in a maker's format is converted."""
    form = recognize(table.columns)
    try:
        if form is not None:
            return adapt(form, table, name, form.name or source, _vocabulary())
        return _higher(table, name)
    except ValueError as error:  # a number that is none, or a statistic that is not known
        msg = f"the marker table {name} cannot be used: {error}"
        raise DatabaseError(msg) from error


def _higher(table: pd.DataFrame, name: str) -> Adapted:
    """The table without genes that its statistics show to be lower in their type; ``role`` outranks statistics."""
    known = [column for column in table.columns if header_key(column) in COLUMNS]
    if any(header_key(column) == "role" for column in known):
        return Adapted(table, ())
    higher = _statistics.read(table, known).higher
    lower = int((~higher).sum())
    note = f"{lower} rows of {name} are of genes that are not higher in their type, and were left out"
    return Adapted(table[higher], (note,) if lower else ())


def _vocabulary() -> Vocabulary:
    return Vocabulary(_bundled.source_names(), _bundled.tissues(), _bundled.gene_names(), _bundled.mouse_symbols())


def _database(parts: Sequence[Adapted], version: str) -> MarkerDatabase:
    table = parts[0].table if len(parts) == 1 else pd.concat([part.table for part in parts], ignore_index=True)
    database = validate(table, _bundled.ontology(), _bundled.gene_names(), version)
    return evolve(database, notes=(*sum((part.notes for part in parts), ()), *database.notes))


@checked()
def export(
    path: Union[str, os.PathLike[str]],
    source: Union[Source, Sequence[Source]] = BUNDLED,
    *,
    format: Optional[str] = None,
) -> MarkerDatabase:
    """Write a marker database to a file.

    Parameters
    ----------
    path
        The file; it is written whole or not at all. If the path ends in ``.gz``, the file is packed; parquet is packed
        already.
    source
        As :func:`load` takes it: the bundled database, a file, a table, or several, which are merged.
    format
        ``"tsv"``, ``"json"`` and ``"parquet"`` (needs pyarrow) hold all facts, and :func:`load` reads the same facts
        back; only genes of merged tables that HGNC does not have may come back in capitals. The JSON also has the
        version and the sha256. ``"gmt"`` has the positive genes of each type, canonical first, for tools that take
        gene sets. If None, the ending of the path decides.

    Returns
    -------
    MarkerDatabase
        The database that was written.

    Raises
    ------
    InputError
        If the format is not one of these, or contradicts the ending of the path.
    DatabaseError
        If the source cannot be loaded, or pyarrow is not installed.
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> written = gca.db.export("markers.tsv")
    >>> gca.db.load("markers.tsv").facts.equals(written.facts)
    True
    """
    target = Path(path).expanduser()
    content = FORMATS[_format(target, format)]
    database = load(source)
    data = content(database)
    if target.name.lower().endswith(".gz"):
        # Without the time, so that the same database gives the same file.
        data = gzip.compress(data, mtime=0)
    with whole(target) as part:
        part.write_bytes(data)
    return database


def _format(target: Path, given: Optional[str]) -> str:
    ending = Path(target.name.lower().removesuffix(".gz")).suffix.removeprefix(".")
    name = ending if given is None else given
    if name not in FORMATS:
        msg = f"{target.name} cannot be written as {name or 'no format'}; use one of {', '.join(FORMATS)}"
        raise InputError(msg)
    if ending in FORMATS and ending != name:
        # Gene sets are recognized by their ending, and a misleading name helps nobody.
        msg = f"{target.name} ends in .{ending}, but the format is {name}; change one of the two"
        raise InputError(msg)
    if name == "parquet" and target.name.lower().endswith(".gz"):
        msg = f"{target.name}: parquet is packed already; leave out .gz"
        raise InputError(msg)
    return name


def _tsv(database: MarkerDatabase) -> bytes:
    text: str = database.facts[list(COLUMNS)].to_csv(sep="\t", index=False, lineterminator="\n")
    return text.encode()


def _parquet(database: MarkerDatabase) -> bytes:
    _packages.load("parquet", DatabaseError, "writing parquet")
    data: bytes = database.facts[list(COLUMNS)].to_parquet(None, index=False, engine="pyarrow")
    return data


def _gmt(database: MarkerDatabase) -> bytes:
    facts = database.facts
    # Stable, so that canonical genes come first and the order of the table stays otherwise.
    positive = facts[facts["role"].eq("positive")].sort_values("strength", kind="stable")
    lines = []
    for (name, cl_id), genes in positive.groupby(["cell_type", "cl_id"], sort=True)["gene"]:
        words = (" ".join(name.split()), cl_id or "-", *dict.fromkeys(genes))
        lines.append("\t".join(words) + "\n")
    return "".join(lines).encode()


def _json(database: MarkerDatabase) -> bytes:
    rows = zip(*(database.facts[name] for name in COLUMNS))
    facts = [dict(zip(COLUMNS, row)) for row in rows]
    content = {"version": database.version, "sha256": database.sha256, "facts": facts}
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


FORMATS: Mapping[str, Callable[[MarkerDatabase], bytes]] = {
    "tsv": _tsv,
    "parquet": _parquet,
    "gmt": _gmt,
    "json": _json,
}
