"""What lies in the cache folder: counted, pruned and cleared. Files that are not the cache's own are left alone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Optional

from attrs import frozen

DAY = 86_400  # seconds
# As gca_scanpy._llm.cache names them: an answer, and what an interrupted write leaves behind.
_ANSWER = re.compile(r"[0-9a-f]{64}\.json")
_PART = re.compile(r"\.[^.]*\.part")
_FOLDER = re.compile(r"[0-9a-f]{2}")


@frozen
class Kept:
    """A file of the cache.

    Attributes
    ----------
    size
        Bytes.
    written
        When, in seconds since 1970.
    is_answer
        False for the half file of a write that was interrupted.
    """

    path: Path
    size: int
    written: float
    is_answer: bool


def kept(folder: Path) -> list[Kept]:
    """The files of the cache, oldest first; none where there is no such folder."""
    found = []
    for inner in folder.iterdir() if folder.is_dir() else ():
        for path in inner.iterdir() if _FOLDER.fullmatch(inner.name) and inner.is_dir() else ():
            is_answer = bool(_ANSWER.fullmatch(path.name)) and path.name.startswith(inner.name)
            if not is_answer and not _PART.fullmatch(path.name):
                continue
            try:
                state = path.lstat()
            except FileNotFoundError:  # another process was quicker
                continue
            found.append(Kept(path, state.st_size, state.st_mtime, is_answer))
    return sorted(found, key=lambda file: (file.written, file.path.name))


def stale(files: Iterable[Kept], *, days: Optional[float] = None, most: Optional[int] = None) -> list[Kept]:
    """The files to delete so that the rest is young and small enough.

    Parameters
    ----------
    days
        Answers that were written longer ago go; None for no limit.
    most
        Bytes that may stay; the oldest answers go first; None for no limit.
    """
    now = time.time()
    going: list[Kept] = []
    staying: list[Kept] = []
    for file in files:
        # A half file of today may be one that is being written.
        limit = days if file.is_answer else 1.0
        is_old = limit is not None and file.written < now - limit * DAY
        (going if is_old else staying).append(file)
    left = sum(file.size for file in staying)
    for file in staying:
        if most is None or left <= most:
            break
        going.append(file)
        left -= file.size
    return going


def delete(files: Iterable[Kept]) -> int:
    """Delete files of the cache, and the folders that this leaves empty; gives the number of answers deleted.

    Raises
    ------
    OSError
        Where one cannot be deleted.
    """
    count = 0
    folders = set()
    for file in files:
        try:
            file.path.unlink()
        except FileNotFoundError:
            continue
        count += file.is_answer
        folders.add(file.path.parent)
    for folder in folders:
        with suppress(OSError):  # not empty, or another process was quicker
            folder.rmdir()
    return count
