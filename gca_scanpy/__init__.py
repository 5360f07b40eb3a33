"""Names the clusters of a Scanpy analysis from their marker genes, with the evidence.

``tl`` annotates, ``pl`` draws, ``get`` reads results, ``io`` writes and reads reports, ``db`` loads marker
databases, ``names`` reads names of cell types, ``settings`` holds defaults, ``model`` has the classes of a report, and
``errors`` those of errors and warnings. Importing the package opens and writes no file.

If the installed anndata supports accessors, ``adata.gca`` exists once this package is imported after anndata (or
Scanpy), and otherwise from the first use of ``gca_scanpy.tl``.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from gca_scanpy._packages import __version__, anndata_with_accessors, lazy

if TYPE_CHECKING:
    from gca_scanpy import db, get, io, names, pl, tl
    from gca_scanpy._accessor import annotate_anndata
    from gca_scanpy._events import RunDetails, RunHook, get_run_hooks, set_run_hooks
    from gca_scanpy._llm.asking import Asking
    from gca_scanpy._llm.language_model import Completion, LanguageModel
    from gca_scanpy._llm.prompt import Plan
    from gca_scanpy._settings import settings
    from gca_scanpy.errors import GcaError, GcaWarning
    from gca_scanpy.tl._markers import annotate_markers, plan_markers, validate_markers

__all__ = [
    "Asking", "Completion", "GcaError", "GcaWarning", "LanguageModel", "Plan", "RunDetails", "RunHook", "__version__",
    "annotate_anndata", "annotate_markers", "db", "get", "get_run_hooks", "io", "names", "pl", "plan_markers",
    "set_run_hooks", "settings", "tl", "validate_markers",
]  # fmt: skip

_MODULES = {"db", "errors", "get", "io", "model", "names", "pl", "tl"}
_OBJECTS = {
    "Asking": "_llm.asking",
    "Completion": "_llm.language_model",
    "Plan": "_llm.prompt",
    "GcaError": "errors",
    "GcaWarning": "errors",
    "LanguageModel": "_llm.language_model",
    "annotate_anndata": "_accessor",
    **dict.fromkeys(["annotate_markers", "plan_markers", "validate_markers"], "tl._markers"),
    **dict.fromkeys(["RunDetails", "RunHook", "get_run_hooks", "set_run_hooks"], "_events"),
    "settings": "_settings",
}
_find_object = lazy(__name__, _OBJECTS)

logging.getLogger(__name__).addHandler(logging.NullHandler())  # the program decides what is logged, and where


def _register_accessor() -> None:
    # Only if the program has imported anndata already, because importing this package should not import it.
    if anndata_with_accessors():
        importlib.import_module(f"{__name__}._accessor").register()


def __getattr__(name: str) -> Any:
    # Lazy, so that `gca --help` does not wait for scanpy.
    if name == "tl":  # its user has an AnnData object, or soon will
        importlib.import_module("anndata")
    if name in __all__:
        _register_accessor()
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    return _find_object(name)


def __dir__() -> list[str]:
    return sorted({*__all__, "errors", "model"})


_register_accessor()
