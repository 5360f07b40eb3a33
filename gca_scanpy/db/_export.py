"""Writes marker databases to files."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Callable, Optional, Union

from gca_scanpy import _extras
from gca_scanpy._arguments import checked
from gca_scanpy._files import whole
from gca_scanpy._scoring.database import COLUMNS, MarkerDatabase
from gca_scanpy.db._load import BUNDLED, Source, load
from gca_scanpy.errors import DatabaseError, InputError


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
    _extras.load("parquet", DatabaseError, "writing parquet")
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
