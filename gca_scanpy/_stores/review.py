"""An annotated file for review: read its labels, embeddings and report, without expression, and write decisions."""

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
from gca_scanpy._adata.members import Curation, clusters_of, curation_of, read_for_curation
from gca_scanpy._adata.objects import add_column
from gca_scanpy._files import whole
from gca_scanpy._keys import UNS_PARAMETERS, UNS_REPORT, ObsKeys
from gca_scanpy._packages import element_io
from gca_scanpy._reporting.colors import Palette
from gca_scanpy._stores import files
from gca_scanpy.errors import GcaError, InputError, MissingKeyError
from gca_scanpy.model import DatasetReport

ROOM = 32_768  # bytes; the space for a text is a multiple of this

if TYPE_CHECKING:
    from anndata import AnnData


def check(path: Path, key: str) -> None:
    """Check that a file can be reviewed and saved, before any of it is shown.

    Raises
    ------
    InputError, MissingKeyError, ReportError
        If it is of another kind, cannot be written, has no report under this key, or its clusters have changed.
    """
    if path.suffix.lower() not in files.ENDINGS:
        msg = f"{path} cannot be reviewed; give an annotated file that ends in .h5ad or .zarr"
        raise InputError(msg)
    place = path.resolve()
    # A new file is written beside the old one and then replaces it.
    if not (os.access(place, os.W_OK) and os.access(place.parent, os.W_OK)):
        msg = f"{path} or its folder is read-only, so nothing could be saved; copy the file to another folder"
        raise InputError(msg)
    clusters_of(*read_without_matrix(path, key), key)


def read_without_matrix(path: Path, key: str) -> tuple[AnnData, DatasetReport]:
    """The labels and the embeddings of a file, without expression and without the names of cells, and its report.

    Raises
    ------
    MissingKeyError
        If there is no report under this key.
    InputError
        If the file cannot be read.
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
        embeddings = {
            name: read(root["obsm"][name]) for name in root.get("obsm", {}) if _is_embedding(root["obsm"][name])
        }
    return objects.build(obs=obs, uns={key: uns}, obsm=embeddings), report


def read_report(path: Path, key: str) -> DatasetReport:
    """Only the report of a file; raises as :func:`read_without_matrix` does."""
    with _opened(path) as root:
        return read_for_curation(_bare(_uns(root, key), key), key)


def write(path: Path, report: DatasetReport, key: str, palette: Palette) -> None:
    """Write decisions into a file, which is complete at every moment.

    An h5ad is copied on disk; the copy gets the columns and the report and replaces the file, so that only the labels
    need memory. A zarr folder is read and written whole.

    Raises
    ------
    InputError
        If the clusters are no longer those of the report.
    OSError
        If it cannot be written.
    """
    place = path.resolve()  # a link stays a link
    if place.suffix.lower() != ".h5ad":
        adata = files.read(place)
        made = curation_of(adata, report, key, palette)
        adata.obs = adata.obs.assign(**made.columns)
        adata.uns[key] = {**adata.uns[key], **made.entries}
        adata.uns.update(made.colors)
        files.write(adata, place)
        return
    made = curation_of(read_without_matrix(place, key)[0], report, key, palette)
    with whole(place) as part:
        shutil.copy(place, part)
        _put(part, made, key)


def _put(path: Path, made: Curation, key: str) -> None:
    import h5py

    _, write = element_io()
    with h5py.File(path, "r+") as file:
        for name, values in made.columns.items():
            add_column(file["obs"], name, values)
        for name, text in made.entries.items():
            _put_text(file["uns"][key], name, text)
        for name, colors in made.colors.items():
            write(file["uns"], name, colors)


def _put_text(group: Any, name: str, text: str) -> None:
    """Write a text as anndata does, but as a string of fixed length.

    HDF5 does not free the space of strings of variable length, so the file would grow by a whole report with every
    decision. It does free this one, and the padding (which reads as nothing) leaves room for a slightly longer text.
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
    except Exception as error:  # for a foreign or damaged file, the readers raise nearly anything
        msg = f"{path} cannot be read as an annotated file: {error}"
        raise InputError(msg) from error


def _uns(root: Any, key: str) -> dict[str, str]:
    read, _ = element_io()
    if "uns" not in root or key not in root["uns"]:
        keys = [name for name in root.get("uns", {}) if UNS_REPORT in _names(root["uns"][name])]
        known = f"; it has reports under {', '.join(map(repr, keys))}" if keys else "; run gca annotate first"
        msg = f"the file has no report in .uns[{key!r}]{known}"
        raise MissingKeyError(msg)
    group = root["uns"][key]
    return {name: str(read(group[name])) for name in (UNS_REPORT, UNS_PARAMETERS) if name in _names(group)}


def _names(group: Any) -> list[str]:
    return list(group.keys()) if hasattr(group, "keys") else []


def _bare(uns: Mapping[str, str], key: str) -> AnnData:
    return objects.build(uns={key: dict(uns)})


def _is_embedding(element: Any) -> bool:
    return len(getattr(element, "shape", ())) == 2 and element.shape[1] >= 2
