"""What differs between versions of other packages, each with the version that lets its entry go.

An entry goes when ``pyproject.toml`` asks for that version at least; a test says when this is so. Scanpy needs none:
what is asked of it is the same from 1.9 on. docs/compatibility.md lists the entries.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple, Optional


class Difference(NamedTuple):
    """An entry of this module; no attrs class, because importing the package is not to wait for attrs.

    Attributes
    ----------
    name
        Of the object in this module that hides the difference.
    package, version
        The first version from which on the entry is not needed.
    what
        What the older or newer versions do.
    """

    name: str
    package: str
    version: str
    what: str


DIFFERENCES = (
    Difference("anndata_with_accessors", "anndata", "0.12", "older ones have no accessors, so there is no `adata.gca`"),
    Difference("element_io", "anndata", "0.11", "older ones read and write parts of files in `anndata.experimental`"),
    Difference("lazy_reader", "anndata", "0.12", "older ones cannot leave matrices on disk"),
    Difference("layer_names", "anndata", "0.13", "newer ones count `X` among the layers, under the name None"),
    Difference("NAMES", "pandas", "3", "newer ones have a type of their own for text, where None becomes NaN"),
)

NAMES: Any = object
"""The type of columns of names: one that every anndata writes, and in which None stays None."""


def anndata_with_accessors() -> Optional[ModuleType]:
    """The package anndata, where the program has imported it and it has accessors."""
    anndata = sys.modules.get("anndata")
    return anndata if hasattr(anndata, "register_anndata_namespace") else None


def layer_names(layers: Iterable[Optional[str]]) -> list[str]:
    """The names of the layers beside ``X``."""
    return [name for name in layers if name is not None]


def element_io() -> tuple[Callable[..., Any], Callable[..., None]]:
    """The functions of anndata that read and write one part of a file."""
    try:
        module = import_module("anndata.io")
    except ImportError:
        module = import_module("anndata.experimental")
    return module.read_elem, module.write_elem


def lazy_reader() -> Optional[Callable[..., Any]]:
    """The function of anndata that reads a store and leaves its matrices on disk; None where it has none."""
    reader: Optional[Callable[..., Any]] = getattr(import_module("anndata").experimental, "read_lazy", None)
    return reader
