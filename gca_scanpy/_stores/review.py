"""An annotated file for review: what it says of the cells without their expression, and decisions back into it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gca_scanpy._adata import objects
from gca_scanpy._adata.curate import curation_of, read_for_curation
from gca_scanpy._adata.tables import add_column
from gca_scanpy._compat import element_io
from gca_scanpy._files import whole
from gca_scanpy._keys import UNS_PARAMETERS, UNS_REPORT, ObsKeys
from gca_scanpy._stores import files
from gca_scanpy.errors import GcaError, InputError, MissingKeyError
from gca_scanpy.model import DatasetReport

ROOM = 32_768  # bytes; the place of a text is a multiple

if TYPE_CHECKING:
    from anndata import AnnData


def check(path: Path, key: str) -> None:
    """Whether a file can be reviewed and saved, before anything is shown of it.

    Raises
    ------
    InputError, MissingKeyError, ReportError
        Where it is of another kind, cannot be written, has no report under this key, or other clusters by now.
    """
    if path.suffix.lower() not in files.ENDINGS:
        msg = f"{path} cannot be reviewed; give an annotated file that ends in .h5ad or .zarr"
        raise InputError(msg)
    place = path.resolve()
    # A new file is written beside the old one and takes its place.
    if not (os.access(place, os.W_OK) and os.access(place.parent, os.W_OK)):
        msg = f"{path} or its folder is read-only, so no decision could be saved; copy the file to where you can write"
        raise InputError(msg)
    adata = read_without_matrix(path, key)
    curation_of(adata, read_for_curation(adata, key), key)


def read_without_matrix(path: Path, key: str) -> AnnData:
    """The labels, the embeddings and the report of a file; expression stays in it, and so do the names of cells.

    Raises
    ------
    MissingKeyError
        Where there is no report under this key.
    InputError
        Where the file cannot be read.
    """
    read, _ = element_io()
    with _opened(path) as root:
        group = root["obs"]
        uns = _uns(root, key)
        report = read_for_curation(_bare(uns, key), key)
        keys = ObsKeys(key)
        names = [report.parameters.get("groupby", ""), keys.label]
        obs = pd.DataFrame({name: read(group[name]) for name in names if name in group})
        obs.index = obs.index.astype(str)
        maps = {name: read(root["obsm"][name]) for name in root.get("obsm", {}) if _is_map(root["obsm"][name])}
    return objects.build(obs=obs, uns={key: uns}, obsm=maps)


def read_report(path: Path, key: str) -> DatasetReport:
    """The report of a file, and nothing else of it; raises as :func:`read_without_matrix` does."""
    with _opened(path) as root:
        return read_for_curation(_bare(_uns(root, key), key), key)


def write(path: Path, report: DatasetReport, key: str) -> None:
    """Write decisions into a file; it is whole at every moment.

    An h5ad is copied on disk, the copy gets the columns and the report and takes the file's place: memory is needed
    for the labels only. A zarr folder is read and written whole.

    Raises
    ------
    InputError
        Where the clusters are no longer those of the report.
    OSError
        Where it cannot be written.
    """
    place = path.resolve()  # a link stays a link
    if place.suffix.lower() != ".h5ad":
        adata = files.read(place)
        columns, entries = curation_of(adata, report, key)
        adata.obs = adata.obs.assign(**columns)
        adata.uns[key] = {**adata.uns[key], **entries}
        files.write(adata, place)
        return
    columns, entries = curation_of(read_without_matrix(place, key), report, key)
    with whole(place) as part:
        shutil.copy(place, part)
        _put(part, columns, entries, key)


def _put(path: Path, columns: Mapping[str, pd.Series], entries: Mapping[str, str], key: str) -> None:
    import h5py

    with h5py.File(path, "r+") as file:
        for name, values in columns.items():
            add_column(file["obs"], name, values)
        for name, text in entries.items():
            _put_text(file["uns"][key], name, text)


def _put_text(group: Any, name: str, text: str) -> None:
    """Write a text as anndata does, but in a place of fixed length.

    HDF5 never gives the place of another text free, so that a file would grow by the whole report with every decision;
    this one it does, and some room (it reads as nothing) lets the next text, a little longer, take the place.
    """
    import h5py

    encoded = text.encode("utf-8")
    attributes = dict(group[name].attrs)
    del group[name]
    group.create_dataset(
        name, data=np.array(encoded, dtype=h5py.string_dtype("utf-8", -(-len(encoded) // ROOM) * ROOM))
    )
    group[name].attrs.update(attributes)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        if path.suffix.lower() == ".h5ad":
            import h5py

            with h5py.File(path, "r") as root:
                yield root
        else:
            import zarr

            yield zarr.open_group(str(path), mode="r")
    except GcaError:
        raise
    except Exception as error:  # a foreign or damaged file makes the readers raise nearly anything
        msg = f"{path} cannot be read as an annotated file: {error}"
        raise InputError(msg) from error


def _uns(root: Any, key: str) -> dict[str, str]:
    read, _ = element_io()
    if "uns" not in root or key not in root["uns"]:
        there = [name for name in root.get("uns", {}) if UNS_REPORT in _names(root["uns"][name])]
        known = f"; it has reports under {', '.join(map(repr, there))}" if there else "; run gca annotate first"
        msg = f"the file has no report in .uns[{key!r}]{known}"
        raise MissingKeyError(msg)
    group = root["uns"][key]
    return {name: str(read(group[name])) for name in (UNS_REPORT, UNS_PARAMETERS) if name in _names(group)}


def _names(group: Any) -> list[str]:
    return list(group.keys()) if hasattr(group, "keys") else []


def _bare(uns: Mapping[str, str], key: str) -> AnnData:
    return objects.build(uns={key: dict(uns)})


def _is_map(element: Any) -> bool:
    return len(getattr(element, "shape", ())) == 2 and element.shape[1] >= 2
