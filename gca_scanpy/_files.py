"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import platform
import re
import secrets
import shutil
import stat
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from gca_scanpy.errors import FileError, ForbiddenFileError, InputError, MissingFileError, shown

ADVICE = {
    errno.ENOENT: "check the path, and whether its folder exists",
    errno.EACCES: "choose a place where you have the permission, or change the permissions",
    errno.EPERM: "choose a place where you have the permission, or change the permissions",
    errno.EROFS: "choose a place that is not read-only",
    errno.ENOSPC: "free space on the disk, or choose another one",
    errno.EISDIR: "it is a folder; give the name of a file",
    errno.ENAMETOOLONG: "give a shorter name",
}
ABANDONED = 86_400  # seconds; the writer of an older part has ended, even if that cannot be seen from this machine
_PART = re.compile(
    r"\.(?P<stem>.+)-(?P<machine>[0-9a-f]{8})-(?P<process>\d{1,10})-(?P<token>[0-9a-f]{12})\.(?P<kind>part|old)"
    r"(?P<ending>\.[^.]*)?",
    re.DOTALL,
)
_SWAP = threading.Lock()
_WRITING: set[str] = set()  # the tokens of the parts that this process is writing


@contextmanager
def whole(path: Path, *, keep_ending: bool = True) -> Iterator[Path]:
    """A hidden place beside ``path`` to write a file or folder to.

    At the end the part is renamed to ``path``; if the block or the renaming fails, the part is deleted and what was at
    ``path`` stays. Each call has a part of its own, so that any number of threads and processes can write one file, and
    any number of threads one folder: the last one to finish wins. A process that is killed cannot delete its part; the
    next call for a path in the same folder does.

    Parameters
    ----------
    keep_ending
        Whether the part ends as ``path`` does, for writers that choose the format by the ending; else it ends in
        ``.part``.

    Raises
    ------
    FileError
        If the system refuses to write.
    """
    remove_abandoned(path.parent)
    token = secrets.token_hex(6)
    name = f".{path.stem}-{_machine()}-{os.getpid()}-{token}"
    part = path.with_name(f"{name}.part{path.suffix if keep_ending else ''}")
    old = path.with_name(f"{name}.old{path.suffix}")
    _WRITING.add(token)
    try:
        with naming(path, "written"):
            yield part
            if part.is_dir():
                _swap(part, path, old)
            else:
                part.replace(path)
    finally:
        for leftover in (part, old):
            with suppress(OSError):  # what could not be made cannot be deleted, and the first error is the one to see
                _remove(leftover)
        _WRITING.discard(token)


@contextmanager
def naming(path: Path, done: str) -> Iterator[None]:
    """Turn an error of the system into a :class:`~gca_scanpy.errors.FileError` that names the file.

    Parameters
    ----------
    done
        What cannot be done with the file: ``read`` or ``written``.
    """
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        if error.errno is None:  # not of the system: other libraries use this class for what is wrong in a file
            raise
        msg = f"{path} cannot be {done}: {error.strerror or error}; {ADVICE.get(error.errno, 'give another path')}"
        kinds = (kind for kind in (MissingFileError, ForbiddenFileError) if isinstance(error, kind.__bases__))
        raise next(kinds, FileError)(error.errno, msg) from error


def inside(folder: Path, name: str) -> Path:
    """The file of this name in a folder, or in a folder within it; nothing about files elsewhere becomes known.

    Parameters
    ----------
    name
        Its path, relative to the folder or absolute.

    Raises
    ------
    InputError
        If the name leads out of the folder, also through links, or to something that is not a file.
    """
    root = folder.resolve()
    try:
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            msg = f"{shown(name)} is outside of the folder whose files may be read; give a path within that folder"
            raise InputError(msg)
        mode = path.stat().st_mode
    except (OSError, RuntimeError, ValueError) as error:  # a missing file, a circle of links, a null character
        if isinstance(error, InputError):
            raise
        msg = f"{shown(name)} cannot be read: {getattr(error, 'strerror', None) or error}; check the path"
        raise InputError(msg) from error
    if not stat.S_ISREG(mode):  # opening a pipe would wait forever
        msg = f"{shown(name)} is not a file but a folder, a pipe or a device; give the path of a file"
        raise InputError(msg)
    return path


def check_writable(path: Path) -> None:
    """Write an empty part beside ``path`` and delete it, so that what cannot be written is known before the work.

    Raises
    ------
    FileError
        If the folder does not exist, or no file of that name can be made in it.
    """
    part = path.with_name(f".{path.stem}-{_machine()}-{os.getpid()}-{secrets.token_hex(6)}.part{path.suffix}")
    with naming(path, "written"):
        part.touch()
        part.unlink()


def remove_abandoned(folder: Path) -> None:
    """Delete the parts that killed processes left in a folder, and put a folder back that such a process moved away."""
    with suppress(OSError):  # the folder may not exist, or be another user's
        names = [entry.name for entry in os.scandir(folder) if entry.name.startswith(".")]
        for place, parsed in [(folder / name, match) for name in names if (match := _PART.fullmatch(name))]:
            with suppress(OSError):
                if not _is_abandoned(place, parsed):
                    continue
                target = folder / f"{parsed['stem']}{parsed['ending'] or ''}"
                if parsed["kind"] == "old" and not target.exists():
                    place.replace(target)  # the process was killed between the two steps of _swap
                else:
                    _remove(place)


def _is_abandoned(part: Path, parsed: re.Match[str]) -> bool:
    """Whether the process that writes a part has ended: seen on this machine, and on others assumed after a day."""
    process = int(parsed["process"])
    if parsed["machine"] == _machine():
        if process == os.getpid():  # after a restart, another process may have had the same number
            return parsed["token"] not in _WRITING
        if not _is_running(process):
            return True
    return time.time() - part.stat().st_mtime > ABANDONED


def _is_running(process: int) -> bool:
    """Whether a process of this number runs here; also true if that cannot be seen."""
    if os.name == "nt":  # there, this signal would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # for example, it is another user's
        return True
    return True


@lru_cache(maxsize=1)
def _machine() -> str:
    """A name for what has its own process numbers: this machine, or this container on it."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return f"{zlib.crc32(f'{platform.node()} {space}'.encode('utf-8', 'surrogatepass')):08x}"


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


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
