"""The cache of answers: one JSON file each, named by a hash of everything that decides the answer."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Optional, TypeVar, Union

import platformdirs
from attrs import frozen

from gca_scanpy._files import whole
from gca_scanpy.errors import CacheWarning, warn

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


FORMAT = 1
APPLICATION = "gca-scanpy"
STALE = 3600  # seconds after which a half-written file has lost its writer
T = TypeVar("T")


def default_folder() -> Path:
    """The user's cache folder, as the platform has it."""
    return Path(platformdirs.user_cache_dir(APPLICATION, appauthor=False)) / "answers"


def open_cache(cache: Union[bool, str, os.PathLike[str]], folder: Optional[Path]) -> Optional[AnswerCache]:
    """The cache that an argument ``cache=`` asks for.

    Parameters
    ----------
    cache
        False for none, True for the folder of the settings, or a folder.
    folder
        The folder of the settings, or None for the user's cache folder.
    """
    if cache is False:
        return None
    return AnswerCache(Path(cache).expanduser() if not isinstance(cache, bool) else folder or default_folder())


def key_of(question: Mapping[str, Any]) -> str:
    """The name of an answer: sha256 of the question as canonical JSON."""
    return hashlib.sha256(json.dumps(question, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


class AnswerCache:
    """Answers in a folder. Made on the first write; a folder that cannot be used costs one warning, never the run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hits = 0
        self.misses = 0
        self._lock = threading.Lock()
        self._warned = False
        self._swept = False

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def get(self, key: str, restore: Callable[[Any], Optional[T]]) -> Optional[T]:
        """The answer to a question, or None. A damaged or foreign file is as good as none.

        Parameters
        ----------
        restore
            Makes the answer of what was stored, or None where that is no answer.
        """
        try:
            stored = json.loads(self._path(key).read_bytes())
            own = isinstance(stored, dict) and stored.get("format") == FORMAT and stored.get("key") == key
        except (OSError, ValueError, RecursionError):
            own = False
        answer = restore(stored.get("answer")) if own else None
        with self._lock:
            self.hits += answer is not None
            self.misses += answer is None
        return answer

    def put(self, key: str, answer: Any) -> None:
        """Keep an answer: written beside its place, then renamed, so that no reader sees half of it."""
        text = json.dumps({"format": FORMAT, "key": key, "answer": answer}, allow_nan=False)
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path, keep_ending=False) as part:
                part.write_text(text, encoding="utf-8")
                self._sweep(now=part.stat().st_mtime)
        except OSError as error:
            self._warn(error)

    def _sweep(self, now: float) -> None:
        """Remove, once, what killed writers left behind; ``now`` by the clock of the disk, which may not be ours."""
        with self._lock:
            if self._swept:
                return
            self._swept = True
        for part in self.folder.glob("[0-9a-f][0-9a-f]/.*.part"):
            with contextlib.suppress(OSError):  # another writer was faster, or it is not ours to remove
                if now - part.stat().st_mtime > STALE:
                    part.unlink()

    def _warn(self, error: OSError) -> None:
        with self._lock:
            if self._warned:
                return
            self._warned = True
        message = (
            f"answers cannot be kept in {self.folder} ({error.strerror or error}); the run goes on without a cache"
        )
        warn(message, CacheWarning)
