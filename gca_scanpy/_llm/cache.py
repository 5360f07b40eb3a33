"""The cache of answers: one JSON file each, named by a hash of everything that decides the answer."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Optional, TypeVar, Union

import platformdirs

from gca_scanpy._errors import CacheWarning, warn

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
            handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    self._sweep(now=os.fstat(handle).st_mtime)
                    file.write(text)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)  # Ctrl-C may come after the renaming
                raise
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
