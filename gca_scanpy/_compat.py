"""Differences between versions of other packages, each with the version that makes its workaround unnecessary.

Remove an entry as soon as ``pyproject.toml`` requires that version; a test fails when this is the case. Scanpy needs no
entry, because the functions that this package uses are unchanged since 1.9. docs/compatibility.md lists the entries.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple, Optional


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
