"""Where other people's marker tables lie: the assets folder, and the packages that bring one."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

import platformdirs
from attrs import frozen

from gca_scanpy._settings import settings
from gca_scanpy.errors import DatabaseError

APPLICATION = "gca-scanpy"
KINDS = (".tsv", ".tsv.gz", ".csv", ".csv.gz", ".txt", ".txt.gz", ".xlsx", ".parquet")


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
        Where they give it out.
    url
        Address of the file itself.
    license
        On what terms.
    sha256
        Of the makers' file; None where nobody has published it and it was not seen, so that none can be checked.
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


@frozen
class Package:
    """An installed package that brings a table.

    Attributes
    ----------
    file
        Path of the table inside the package.
    """

    file: str
    home: str
    license: str


PACKAGES: Mapping[str, Package] = {
    "cellconsensus": Package("data/consensus_cache_full.pkl", "https://pypi.org/project/cellconsensus", "MIT")
}
NAMES = (*ASSETS, *PACKAGES)


def folder() -> Path:
    """The assets folder: that of the settings, or the user's data folder as the platform has it."""
    return settings.assets_home or Path(platformdirs.user_data_dir(APPLICATION, appauthor=False))


def find(name: str) -> list[Path]:
    """The files of a table that is known by name, sorted.

    Raises
    ------
    DatabaseError
        Where there is none; says which file to put where.
    """
    return [_in_package(name)] if name in PACKAGES else _in_folder(name)


def present(name: str) -> list[Path]:
    """The files of a table that is known by name, none where there is none."""
    try:
        return find(name)
    except DatabaseError:
        return []


def _in_folder(name: str) -> list[Path]:
    asset, home = ASSETS[name], folder()
    entries = sorted(home.iterdir()) if home.is_dir() else []
    found = [e for e in entries if e.name.lower().startswith(asset.prefixes) and e.name.lower().endswith(KINDS)]
    if not found:
        msg = (
            f"there is no table of {name} in {home}; put {asset.file} from {asset.home} there, or say with "
            f"GCA_ASSETS_HOME which folder has it, or give the path of the file in place of {name!r}"
        )
        raise DatabaseError(msg)
    return found


def _in_package(name: str) -> Path:
    # Found, not imported: the package needs others that nobody wants for its table alone.
    spec, file = importlib.util.find_spec(name), PACKAGES[name].file
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    found = [path for path in (Path(place) / file for place in places) if path.is_file()]
    if not found:
        what = f"the installed {name} has no {file}" if places else f"{name} is not installed"
        msg = f"{what}; python -m pip install {name}, which brings its table of markers"
        raise DatabaseError(msg)
    return found[0]
