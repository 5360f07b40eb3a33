"""The extras of the package: what each one is for, which packages it brings, and the command that installs it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any, NamedTuple, Optional

from gca_scanpy._version import __version__


class Extra(NamedTuple):
    """An extra; no attrs class, because importing the package is not to wait for attrs.

    Attributes
    ----------
    purpose
        What needs it, as the subject of a sentence.
    packages
        What it brings, as PyPI names it.
    """

    purpose: str
    packages: tuple[str, ...]


EXTRAS: Mapping[str, Extra] = {
    "dask": Extra("reading cells lazily", ("dask", "distributed", "xarray", "zarr")),
    "excel": Extra("reading xlsx tables", ("openpyxl",)),
    "fetch": Extra("downloading marker tables", ("pooch",)),
    "loom": Extra("reading loom files", ("loompy",)),
    "observability": Extra("recording metrics", ("prometheus-client", "structlog")),
    "parquet": Extra("reading and writing parquet", ("pyarrow",)),
    "ui": Extra("gca review", ("streamlit", "filelock")),
}


def command(extra: str) -> str:
    """The command that installs an extra."""
    return f"python -m pip install 'gca-scanpy[{extra}]'"


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
    packages = {name: _version(name) for name in ("anndata", "numpy", "pandas", "scanpy")}
    return {"gca_scanpy": __version__, "python": platform.python_version(), **packages}


@cache
def _version(package: str) -> str:
    return version(package)  # it parses the package's metadata, a quarter of the time of a small run
