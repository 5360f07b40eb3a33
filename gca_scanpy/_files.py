"""Files that are whole or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
