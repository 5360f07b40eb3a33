"""Public marker tables: who makes them, on what terms, and where their files are on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Optional

import platformdirs
from attrs import frozen

from gca_scanpy import _tables
from gca_scanpy._settings import settings
from gca_scanpy.errors import DatabaseError

APPLICATION = "gca-scanpy"


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
