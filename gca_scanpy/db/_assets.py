"""Public marker tables: who makes them, on what terms, where their files are, and their download."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Optional
from urllib.parse import urlsplit

import platformdirs
from attrs import frozen

from gca_scanpy import _packages, _tables
from gca_scanpy._arguments import checked
from gca_scanpy._files import whole
from gca_scanpy._settings import settings
from gca_scanpy.errors import DatabaseError, InputError

APPLICATION = "gca-scanpy"
TIMEOUT = 60.0  # seconds
MAGIC = {".gz": b"\x1f\x8b", ".xlsx": b"PK"}  # how such files begin; the error page of a server does not


@frozen
class Asset:
    """A table that the user puts into the assets folder.

    Attributes
    ----------
    prefixes
        How the names of its files begin, in small letters.
    file
        Name of the makers' file.
    home
        Web page of the makers.
    url
        Address of the file itself.
    license
        Terms of use.
    sha256
        Of the makers' file; None if the makers have published none, so that nothing can be checked.
    """

    prefixes: tuple[str, ...]
    file: str
    home: str
    url: str
    license: str
    sha256: Optional[str] = None


ASSETS: Mapping[str, Asset] = {
    "panglaodb": Asset(
        ("panglaodb",),
        "PanglaoDB_markers_27_Mar_2020.tsv.gz",
        "https://panglaodb.se/markers.html",
        "https://panglaodb.se/markers/PanglaoDB_markers_27_Mar_2020.tsv.gz",
        "asks for citation: Franzén 2019, doi:10.1093/database/baz046",
    ),
    "cellmarker2": Asset(
        ("cell_marker", "cellmarker"),
        "Cell_marker_All.xlsx",
        "http://bio-bigdata.hrbmu.edu.cn/CellMarker",
        "http://bio-bigdata.hrbmu.edu.cn/CellMarker/CellMarker_download_files/file/Cell_marker_All.xlsx",
        "asks for citation: Hu 2023, doi:10.1093/nar/gkac947",
    ),
    "sctype": Asset(
        ("sctype",),
        "ScTypeDB_full.xlsx",
        "https://github.com/IanevskiAleksandr/sc-type",
        "https://raw.githubusercontent.com/IanevskiAleksandr/sc-type/master/ScTypeDB_full.xlsx",
        "GPL-3 (its repository); Ianevski 2022, doi:10.1038/s41467-022-28803-w",
    ),
    "celltypist": Asset(
        ("celltypist", "basic_celltype_information"),
        "Basic_celltype_information.xlsx",
        "https://github.com/Teichlab/celltypist_wiki",
        "https://github.com/Teichlab/celltypist_wiki/raw/main/atlases/Pan_Immune_CellTypist/v2/tables/"
        "Basic_celltype_information.xlsx",
        "MIT; Domínguez Conde 2022, doi:10.1126/science.abl5197",
    ),
}


def folder() -> Path:
    """The assets folder: that of the settings, else this package's folder in the user's data folder."""
    return settings.assets_home or Path(platformdirs.user_data_dir(APPLICATION, appauthor=False))


def find(name: str) -> list[Path]:
    """The files of a public table in the assets folder, sorted.

    Raises
    ------
    DatabaseError
        If the folder has no such file; the message says which file belongs where.
    """
    files = present(name)
    if not files:
        asset = ASSETS[name]
        msg = (
            f"there is no table of {name} in {folder()}; put {asset.file} from {asset.home} there, set "
            f"GCA_ASSETS_HOME to the folder that has it, or give the path of the file in place of {name!r}"
        )
        raise DatabaseError(msg)
    return files


def present(name: str) -> list[Path]:
    """The files of a public table in the assets folder, sorted; empty if the folder has no such file."""
    home = folder()
    entries = sorted(home.iterdir()) if home.is_dir() else []
    return [
        entry
        for entry in entries
        if entry.name.lower().startswith(ASSETS[name].prefixes) and entry.name.lower().endswith(_tables.ENDINGS)
    ]


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
        Whether the sha256 is the expected one; False if no expected one is known.
    downloaded
        Whether it was downloaded now; False if it was there already.
    """

    path: Path
    sha256: str
    verified: bool
    downloaded: bool


@checked()
def fetch(name: str, *, sha256: Optional[str] = None) -> Fetched:
    """Download a public marker table into the assets folder, unless it is there already.

    Parameters
    ----------
    name
        ``"panglaodb"``, ``"cellmarker2"``, ``"sctype"`` or ``"celltypist"``.
    sha256
        The sha256 that the file must have, if you know it. The makers publish none.

    Returns
    -------
    Fetched
        The path of the file, and whether its sha256 was verified.

    Raises
    ------
    InputError
        If there is no public table of that name.
    DatabaseError
        If pooch is not installed, the download fails, or the sha256 is not the expected one; the message says how to
        put the file there by hand.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> gca.db.fetch("panglaodb").path.name  # doctest: +SKIP
    'PanglaoDB_markers_27_Mar_2020.tsv.gz'
    """
    asset = _asset(name)
    expected = (sha256 or asset.sha256 or "").lower() or None
    files = present(name)
    if files:
        # The makers' file if it is among them, because the expected hash is that of the makers' file.
        path = next((path for path in files if path.name == asset.file), files[0])
        actual = _hash(path)
        if expected is not None and actual != expected:
            msg = f"{path} has the sha256 {actual}, but {expected} is expected; move it away and fetch {name} again"
            raise DatabaseError(msg)
        return Fetched(path, actual, expected is not None, downloaded=False)
    path = _downloaded(name, asset, expected)
    return Fetched(path, _hash(path), expected is not None, downloaded=True)


def _asset(name: str) -> Asset:
    if name in ASSETS:
        return ASSETS[name]
    msg = f"there is no public table {name!r}; choose one of {', '.join(ASSETS)}"
    raise InputError(msg)


def _downloaded(name: str, asset: Asset, expected: Optional[str]) -> Path:
    """The file in the assets folder, downloaded whole or not at all."""
    pooch = _packages.load("fetch", DatabaseError)
    home = folder()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with whole(home / asset.file) as part, _quiet(pooch.get_logger()):
            loader = pooch.HTTPDownloader(timeout=TIMEOUT)
            known = None if expected is None else f"sha256:{expected}"
            pooch.retrieve(asset.url, known, fname=part.name, path=home, downloader=loader)
            _check_kind(part)
        return home / asset.file
    # requests raises an OSError if anything goes wrong on the way, pooch a ValueError if the hash differs.
    except (OSError, ValueError) as error:
        msg = (
            f"{name} could not be downloaded ({_reason(error, asset, expected)}); "
            f"download {asset.file} from {asset.url} yourself (the makers' page is {asset.home}) and put it into {home}"
        )
        raise DatabaseError(msg) from error


def _reason(error: Exception, asset: Asset, expected: Optional[str]) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, ValueError) and "hash" in text:
        return f"its sha256 is not {expected}"
    # requests describes a missing network in five lines, and an answer such as 404 in one.
    is_answer = getattr(error, "response", None) is not None
    is_local = isinstance(error, ValueError) or getattr(error, "errno", None) is not None
    return text.split(" for url:")[0] if is_answer or is_local else f"{urlsplit(asset.url).hostname} cannot be reached"


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Silence pooch, which logs advice on how to write a script with it."""
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
            msg = f"the server sent no {path.suffix} file"
            raise ValueError(msg)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
