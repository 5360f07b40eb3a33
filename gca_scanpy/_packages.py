"""Other packages: the differences between their versions, and the extras, which bring the optional ones.

Remove a difference as soon as ``pyproject.toml`` requires the version that makes its workaround unnecessary; a test
fails when this is the case. Scanpy needs no entry, because the functions that this package uses are unchanged since
1.9. docs/compatibility.md lists the entries.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NamedTuple, Optional

__version__ = "0.1.0"


class Difference(NamedTuple):
    """One version difference; not an attrs class, because importing attrs would slow down importing the package.

    Attributes
    ----------
    name
        Name of the object in this module that hides the difference.
    package, version
        The first version that does not need the entry.
    what
        What older or newer versions do differently.
    """

    name: str
    package: str
    version: str
    what: str


DIFFERENCES = (
    Difference("anndata_with_accessors", "anndata", "0.12", "older versions have no accessors, so no `adata.gca`"),
    Difference("element_io", "anndata", "0.11", "older versions read and write elements in `anndata.experimental`"),
    Difference("lazy_reader", "anndata", "0.12", "older versions cannot leave matrices on disk"),
    Difference("layer_names", "anndata", "0.13", "newer versions list `X` as a layer named None"),
    Difference("NAMES", "pandas", "3", "newer versions store text in a separate type, in which None becomes NaN"),
)

NAMES: Any = object
"""The dtype of columns of names. Every anndata version can write it, and None stays None in it."""


def anndata_with_accessors() -> Optional[ModuleType]:
    """The anndata package, if the program has imported it and it supports accessors; otherwise None."""
    anndata = sys.modules.get("anndata")
    return anndata if hasattr(anndata, "register_anndata_namespace") else None


def layer_names(layers: Iterable[Optional[str]]) -> list[str]:
    """The names of the layers other than ``X``."""
    return [name for name in layers if name is not None]


def element_io() -> tuple[Callable[..., Any], Callable[..., None]]:
    """The anndata functions that read and write one element of a file."""
    try:
        module = import_module("anndata.io")
    except ImportError:
        module = import_module("anndata.experimental")
    return module.read_elem, module.write_elem


def lazy_reader() -> Optional[Callable[..., Any]]:
    """The anndata function that opens a store and leaves its matrices on disk; None if anndata has none."""
    reader: Optional[Callable[..., Any]] = getattr(import_module("anndata").experimental, "read_lazy", None)
    return reader


@contextmanager
def faster_zarr() -> Iterator[None]:
    """While it lasts, zarr opens arrays with a faster codec pipeline if there is one, as AnnData's ``read_zarr`` does.

    It is that of zarrs if it is installed, else one that zarr has. If another than the default was chosen, it stays.
    """
    config: Any = getattr(import_module("zarr"), "config", {})  # zarr 2 has none
    chosen = config.get("codec_pipeline.path", "")
    if not chosen.endswith(".BatchedCodecPipeline"):
        yield
        return
    fused = chosen.replace(".Batched", ".Fused")
    has_fused = hasattr(import_module("zarr.core.codec_pipeline"), fused.rpartition(".")[2])  # zarr 3.3
    faster = "zarrs.ZarrsCodecPipeline" if find_spec("zarrs") is not None else fused if has_fused else chosen
    with config.set({"codec_pipeline.path": faster}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Array is unsupported by ZarrsCodecPipeline")  # zarr reads such an array
        yield


def left_on_disk(matrix: Any) -> Any:
    """The CSR matrix in a zarr folder that ``read_lazy`` of AnnData made a Dask array of; None if it is another array.

    An array that was computed from one of AnnData's is another.
    """
    layers = [*matrix.dask.layers.values()]
    for function, _ in getattr(layers[0], "indices", ()) if len(layers) == 1 else ():
        if str(getattr(getattr(function, "func", None), "__module__", None)).startswith("anndata."):
            found = next((value for value in function.args if getattr(value, "format", "") == "csr"), None)
            return found if found is not None and found.shape == matrix.shape else None
    return None


class Extra(NamedTuple):
    """An extra; no attrs class, because importing the package is not to wait for attrs.

    Attributes
    ----------
    purpose
        What needs it, as the subject of a sentence.
    packages
        What it brings, as PyPI names it.
    since
        The first Python for which it brings them.
    """

    purpose: str
    packages: tuple[str, ...]
    since: tuple[int, int] = (3, 9)


EXTRAS: Mapping[str, Extra] = {
    "dask": Extra("reading cells lazily", ("dask", "distributed", "xarray", "zarr")),
    "excel": Extra("reading xlsx tables", ("openpyxl",)),
    "fetch": Extra("downloading marker tables", ("pooch",)),
    "loom": Extra("reading loom files", ("loompy",)),
    "mcp": Extra("gca mcp", ("mcp",), since=(3, 10)),
    "observability": Extra("recording metrics", ("prometheus-client", "structlog")),
    "parquet": Extra("reading and writing parquet", ("pyarrow",)),
    "ui": Extra("gca review", ("streamlit", "filelock")),
}


def command(extra: str) -> str:
    """The command that installs an extra, and the Python that it needs if this one is older."""
    since = EXTRAS[extra].since
    newer = f" on Python {since[0]}.{since[1]} or newer" if sys.version_info < since else ""
    return f"python -m pip install 'gca-scanpy[{extra}]'{newer}"


def sentence(extra: str, purpose: Optional[str] = None) -> str:
    """What needs the extra, which packages those are, and the command that installs them.

    Parameters
    ----------
    purpose
        What needs the extra here; as the table says if None.
    """
    entry = EXTRAS[extra]
    return f"{purpose or entry.purpose} needs {' and '.join(entry.packages)}: {command(extra)}"


def load(extra: str, error: type[Exception], purpose: Optional[str] = None, modules: Sequence[str] = ()) -> Any:
    """Import what an extra brings; gives the first module.

    Parameters
    ----------
    error
        Class of the error to raise if a module cannot be imported.
    purpose
        What needs the extra here; as the table says if None.
    modules
        Names of the modules that are needed; all that the extra brings if empty.

    Raises
    ------
    Exception
        An ``error`` if a module cannot be imported; it states the command that installs the extra.
    """
    try:
        loaded = [import_module(name) for name in modules or _modules(extra)]
    except ImportError as reason:
        msg = f"{sentence(extra, purpose)} ({reason})"
        raise error(msg) from reason
    return loaded[0]


def _modules(extra: str) -> list[str]:
    return [package.replace("-", "_") for package in EXTRAS[extra].packages]


def versions() -> dict[str, str]:
    """What a report depends on: this package, Python, and the packages that hold the data."""
    import platform

    packages = {name: _version(name) for name in ("anndata", "numpy", "pandas", "scanpy")}
    return {"gca_scanpy": __version__, "python": platform.python_version(), **packages}


@lru_cache(maxsize=64)
def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)  # it parses the package's metadata, a quarter of the time of a small run


def lazy(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package whose objects are imported when they are used, so that others do not wait.

    Parameters
    ----------
    homes
        The module of the package that has each object.
    """

    def find(name: str) -> Any:
        if name in homes:
            return getattr(import_module(f"{package}.{homes[name]}"), name)
        msg = f"module {package!r} has no attribute {name!r}"
        raise AttributeError(msg)

    return find
