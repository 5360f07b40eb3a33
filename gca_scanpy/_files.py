"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SWAP = threading.Lock()


@contextmanager
def whole(path: Path, *, keep_ending: bool = True) -> Iterator[Path]:
    """A hidden place beside ``path`` to write a file or folder to.

    At the end the part is renamed to ``path``; if the block or the renaming fails, the part is deleted and what was at
    ``path`` stays. Each call has a part of its own, so that any number of threads and processes can write one file, and
    any number of threads one folder: the last one to finish wins.

    Parameters
    ----------
    keep_ending
        Whether the part ends as ``path`` does, for writers that choose the format by the ending; else it ends in
        ``.part``.
    """
    token = secrets.token_hex(6)
    part = path.with_name(f".{path.stem}-{token}.part{path.suffix if keep_ending else ''}")
    old = path.with_name(f".{path.stem}-{token}.old")
    try:
        yield part
        if part.is_dir():
            _swap(part, path, old)
        else:
            part.replace(path)
    finally:
        for leftover in (part, old):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)


def _swap(part: Path, path: Path, old: Path) -> None:
    """Put a folder in the place of another one; the system cannot rename a folder onto one that is not empty."""
    with _SWAP:  # else another thread could move or replace the old folder between the two steps
        if path.is_dir():
            path.replace(old)
        try:
            part.replace(path)
        except BaseException:
            if old.exists() and not path.exists():
                old.replace(path)
            raise
