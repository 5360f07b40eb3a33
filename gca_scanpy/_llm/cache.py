"""The cache of answers: one JSON file per answer, named by a hash of everything that determines the answer.

Functions also list, select and delete the files of a cache folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Optional, TypeVar, Union

import platformdirs
from attrs import frozen

from gca_scanpy._files import whole
from gca_scanpy.errors import CacheWarning, warn

FORMAT = 1
APPLICATION = "gca-scanpy"
DAY = 86_400  # seconds
ABANDONED = 3600  # seconds; the writer of an older partial file has been killed
_ANSWER = re.compile(r"[0-9a-f]{64}\.json")
_PARTIAL = re.compile(r"\.[^.]*\.part")  # left behind by an interrupted write
_FOLDER = re.compile(r"[0-9a-f]{2}")

T = TypeVar("T")


def open_cache(cache: Union[bool, str, os.PathLike[str]], folder: Optional[Path]) -> Optional[AnswerCache]:
    """The cache that the argument ``cache=`` selects.

    Parameters
    ----------
    cache
        False for no cache, True for the folder of the settings, or a folder.
    folder
        The folder of the settings, or None for the user's cache folder.
    """
    if cache is False:
        return None
    return AnswerCache(Path(cache).expanduser() if not isinstance(cache, bool) else folder or default_folder())


def default_folder() -> Path:
    """The cache folder of the user on this platform."""
    return Path(platformdirs.user_cache_dir(APPLICATION, appauthor=False)) / "answers"


def key_of(question: Mapping[str, Any]) -> str:
    """The name of an answer: the sha256 of the question as canonical JSON."""
    return hashlib.sha256(json.dumps(question, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


class AnswerCache:
    """Answers in a folder, which the first write creates.

    If the folder cannot be used, the cache issues one warning, and the run continues without it. Each run has its own
    object, which only the thread of the run uses; processes and runs share the folder.

    Attributes
    ----------
    folder
        The folder.
    hits, misses
        Number of lookups that found an answer, and that did not.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hits = 0
        self.misses = 0
        self._warned = False
        self._swept = False

    def get(self, key: str, restore: Callable[[Any], Optional[T]]) -> Optional[T]:
        """The answer to a question, or None. A damaged or foreign file counts as no answer.

        Parameters
        ----------
        restore
            Converts the stored value to the answer; returns None if the value is not an answer.
        """
        try:
            stored = json.loads(self._path(key).read_bytes())
            valid = isinstance(stored, dict) and stored.get("format") == FORMAT and stored.get("key") == key
        except (OSError, ValueError, RecursionError):
            valid = False
        answer = restore(stored.get("answer")) if valid else None
        self.hits += answer is not None
        self.misses += answer is None
        return answer

    def put(self, key: str, answer: Any) -> None:
        """Store an answer: write a hidden file next to it, then rename it, so that no reader sees half of it."""
        text = json.dumps({"format": FORMAT, "key": key, "answer": answer}, allow_nan=False)
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path, keep_ending=False) as part:
                part.touch(mode=0o600)  # a shared machine's other users have no business with the questions
                part.write_text(text, encoding="utf-8")
                self._sweep(now=part.stat().st_mtime)
        except OSError as error:
            self._warn(error)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def _sweep(self, now: float) -> None:
        """Remove, once, the partial files of killed writers; ``now`` is the time of the disk, which may differ."""
        if self._swept:
            return
        self._swept = True
        for part in self.folder.glob("[0-9a-f][0-9a-f]/.*.part"):
            with suppress(OSError):  # another writer removed it first, or this user may not remove it
                if now - part.stat().st_mtime > ABANDONED:
                    part.unlink()

    def _warn(self, error: OSError) -> None:
        if self._warned:
            return
        self._warned = True
        reason = error.strerror or error
        message = f"answers cannot be kept in {self.folder} ({reason}); the run continues without a cache"
        warn(message, CacheWarning)


@frozen
class CacheFile:
    """A file of the cache.

    Attributes
    ----------
    path
        The file.
    size
        Size in bytes.
    written
        Time of writing, in seconds since 1970.
    is_answer
        False for the partial file of an interrupted write.
    """

    path: Path
    size: int
    written: float
    is_answer: bool


def cache_files(folder: Path) -> list[CacheFile]:
    """The files of a cache folder, oldest first; none if the folder does not exist. Other files are ignored."""
    files = []
    for inner in folder.iterdir() if folder.is_dir() else ():
        for path in inner.iterdir() if _FOLDER.fullmatch(inner.name) and inner.is_dir() else ():
            is_answer = bool(_ANSWER.fullmatch(path.name)) and path.name.startswith(inner.name)
            if not is_answer and not _PARTIAL.fullmatch(path.name):
                continue
            try:
                state = path.lstat()
            except FileNotFoundError:  # another process deleted it first
                continue
            files.append(CacheFile(path, state.st_size, state.st_mtime, is_answer))
    return sorted(files, key=lambda file: (file.written, file.path.name))


def expired(
    files: Iterable[CacheFile], *, days: Optional[float] = None, max_bytes: Optional[int] = None
) -> list[CacheFile]:
    """The files to delete, so that the remaining ones are young and small enough.

    Parameters
    ----------
    days
        Answers older than this are deleted; None for no limit.
    max_bytes
        Size that may remain; the oldest answers are deleted first; None for no limit.
    """
    now = time.time()
    to_delete: list[CacheFile] = []
    to_keep: list[CacheFile] = []
    for file in files:
        # A partial file of less than a day may belong to a running write.
        limit = days if file.is_answer else 1.0
        is_old = limit is not None and file.written < now - limit * DAY
        (to_delete if is_old else to_keep).append(file)
    remaining = sum(file.size for file in to_keep)
    for file in to_keep:
        if max_bytes is None or remaining <= max_bytes:
            break
        to_delete.append(file)
        remaining -= file.size
    return to_delete


def delete(files: Iterable[CacheFile]) -> int:
    """Delete files of the cache and the folders that become empty; returns the number of deleted answers.

    Raises
    ------
    OSError
        If a file cannot be deleted.
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
        with suppress(OSError):  # it is not empty, or another process deleted it first
            folder.rmdir()
    return count
