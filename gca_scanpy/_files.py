"""Files that are written whole or not at all, and read within bounds."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

MAX_TABLE = 250_000_000  # bytes of a table, unpacked; ten times a large FindAllMarkers
GZIP = b"\x1f\x8b"


def content(path: Path, most: int = MAX_TABLE) -> bytes:
    """What is in a table's file, unpacked where it is packed; a small file may unpack to more than there is memory.

    Raises
    ------
    ValueError
        Where it is more than ``most`` bytes.
    OSError, EOFError, zlib.error
        Where it cannot be read or unpacked.
    """
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP or path.name.lower().endswith(".gz")
    with (gzip.open if packed else open)(path, "rb") as file:
        found: bytes = file.read(most + 1)
    if len(found) > most:
        verb = "unpacks to" if packed else "has"
        msg = f"it {verb} more than the {most // 1_000_000} MB that are read; the leading genes of each type are enough"
        raise ValueError(msg)
    return found


def read_table(path: Path) -> pd.DataFrame:
    """A table of texts, whatever separates its columns.

    Raises
    ------
    InputError
        Where the file is none.
    """
    import pandas as pd

    try:
        data = content(path)
        header = data.partition(b"\n")[0]
        # By the header, not by the ending: .txt is either, and some spreadsheets write .csv with semicolons.
        separator = max("\t,;", key=lambda mark: header.count(mark.encode()))
        # Row names that R's write.table leaves without a heading become the index, which nobody needs.
        table = pd.read_csv(io.BytesIO(data), sep=separator, dtype=str, keep_default_na=False, na_filter=False)
        return table.reset_index(drop=True)
    except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        msg = f"{path} cannot be read as a table: {error}"
        raise InputError(msg) from error


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place beside ``path`` to write a file or folder to; it is renamed at the end, and deleted where that fails."""
    # The ending stays last, because writers tell the format by it.
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    try:
        yield part
        if part.is_dir() and path.is_dir():
            path.replace(old)  # a folder cannot be renamed onto another
        try:
            part.replace(path)
        except BaseException:
            if old.exists():
                old.replace(path)
            raise
    finally:
        for leftover in (part, old):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)
