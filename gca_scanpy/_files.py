"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import errno
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gca_scanpy.errors import FileError, ForbiddenFileError, MissingFileError

ADVICE = {
    errno.ENOENT: "check the path, and whether its folder exists",
    errno.EACCES: "choose a place where you have the permission, or change the permissions",
    errno.EPERM: "choose a place where you have the permission, or change the permissions",
    errno.EROFS: "choose a place that is not read-only",
    errno.ENOSPC: "free space on the disk, or choose another one",
    errno.EISDIR: "it is a folder; give the name of a file",
    errno.ENAMETOOLONG: "give a shorter name",
}
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

    Raises
    ------
    FileError
        If the system refuses to write.
    """
    token = secrets.token_hex(6)
    part = path.with_name(f".{path.stem}-{token}.part{path.suffix if keep_ending else ''}")
    old = path.with_name(f".{path.stem}-{token}.old")
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
                if leftover.is_dir():
                    shutil.rmtree(leftover, ignore_errors=True)
                else:
                    leftover.unlink(missing_ok=True)


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


def check_writable(path: Path) -> None:
    """Write an empty part beside ``path`` and delete it, so that what cannot be written is known before the work.

    Raises
    ------
    FileError
        If the folder does not exist, or no file of that name can be made in it.
    """
    part = path.with_name(f".{path.stem}-{secrets.token_hex(6)}.part{path.suffix}")
    with naming(path, "written"):
        part.touch()
        part.unlink()


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
