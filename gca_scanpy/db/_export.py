"""Writes marker databases to files that others, and :func:`load`, can read."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Callable, Optional, Union

from gca_scanpy._files import whole
from gca_scanpy._scoring.database import COLUMNS, MarkerDatabase
from gca_scanpy.db._load import BUNDLED, Source, load
from gca_scanpy.errors import DatabaseError, InputError


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
        The file; written beside its place and renamed, so that it is never half there. ``.gz`` packs it, parquet
        excepted, which is packed as it is.
    source
        As :func:`load` takes it: the bundled database, a file, a table, or several, which are merged.
    format
        ``"tsv"`` and ``"parquet"`` (needs pyarrow) hold all that there is, and :func:`load` reads the same facts
        back; only genes of merged tables that HGNC does not have may come back in capitals. ``"gmt"`` has the
        positive genes of each type, canonical first, for tools that take gene sets.
        ``"json"`` has a list of facts, with the version and the sha256. By default as the path ends.

    Returns
    -------
    MarkerDatabase
        What was written.

    Raises
    ------
    InputError
        Where the format is not one of these, or the path ends as another one does.
    DatabaseError
        Where the source cannot be loaded, or pyarrow is missing.
    OSError
        Where the file cannot be written.

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
        # Without the time, so that the same database is the same file.
        data = gzip.compress(data, mtime=0)
    with whole(target) as part:
        part.write_bytes(data)
    return database


def _format(target: Path, given: Optional[str]) -> str:
    ending = Path(target.name.lower().removesuffix(".gz")).suffix.removeprefix(".")
    name = ending if given is None else given
    if name not in FORMATS:
        msg = f"{target.name} is to be written as {name or 'nothing in particular'}; say format={' or '.join(FORMATS)}"
        raise InputError(msg)
    if ending in FORMATS and ending != name:
        # Files are read by their ending, so this one could not be read back.
        msg = f"{target.name} ends as {ending} does, and {name} is to be written; change one of the two"
        raise InputError(msg)
    if name == "parquet" and target.name.lower().endswith(".gz"):
        msg = f"{target.name}: parquet is packed as it is; leave out .gz"
        raise InputError(msg)
    return name


def _tsv(database: MarkerDatabase) -> bytes:
    text: str = database.facts[list(COLUMNS)].to_csv(sep="\t", index=False, lineterminator="\n")
    return text.encode()


def _parquet(database: MarkerDatabase) -> bytes:
    try:
        data: bytes = database.facts[list(COLUMNS)].to_parquet(None, index=False)
    except ImportError as error:
        msg = "writing parquet needs pyarrow: python -m pip install 'gca-scanpy[parquet]'"
        raise DatabaseError(msg) from error
    return data


def _gmt(database: MarkerDatabase) -> bytes:
    facts = database.facts
    # Stable, so that canonical genes come first and else the order of the table stays.
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
