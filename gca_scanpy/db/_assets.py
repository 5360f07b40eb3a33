"""Where other people's marker tables lie: the assets folder, and the packages that bring one."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import platformdirs
from attrs import frozen

from gca_scanpy._errors import DatabaseError
from gca_scanpy._settings import settings

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
    """

    prefixes: tuple[str, ...]
    file: str
    home: str


ASSETS: Mapping[str, Asset] = {
    "panglaodb": Asset(("panglaodb",), "PanglaoDB_markers_27_Mar_2020.tsv.gz", "https://panglaodb.se/markers.html"),
    "cellmarker2": Asset(
        ("cell_marker", "cellmarker"), "Cell_marker_All.xlsx", "http://bio-bigdata.hrbmu.edu.cn/CellMarker"
    ),
    "sctype": Asset(("sctype",), "ScTypeDB_full.xlsx", "https://github.com/IanevskiAleksandr/sc-type"),
    "celltypist": Asset(
        ("celltypist", "basic_celltype_information"),
        "Basic_celltype_information.xlsx",
        "https://github.com/Teichlab/celltypist_wiki",
    ),
}
PACKAGES = {"cellconsensus": "data/consensus_cache_full.pkl"}
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
    spec = importlib.util.find_spec(name)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    found = [path for path in (Path(place) / PACKAGES[name] for place in places) if path.is_file()]
    if not found:
        what = f"the installed {name} has no {PACKAGES[name]}" if places else f"{name} is not installed"
        msg = f"{what}; python -m pip install {name}, which brings its table of markers"
        raise DatabaseError(msg)
    return found[0]
