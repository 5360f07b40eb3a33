"""What differs between versions is in one module, and goes from there when it can."""

from __future__ import annotations

import importlib
import pkgutil
import re
from importlib.metadata import requires
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

import gca_scanpy
from gca_scanpy import _packages

PACKAGE = Path(_packages.__file__).parent
ASKS = re.compile(r"sys\.version_info|\b(?:pd|pandas|ad|anndata|sc|scanpy|np|numpy)\.__version__|packaging\.version")


def _numbers(version):
    return tuple(int(part) for part in version.split("."))


def test_every_module_can_be_imported():
    """Each module can be, on the oldest Python and packages too, where not all of them are tested before each merge."""
    pytest.importorskip("streamlit", reason="the extra ui is not installed")
    names = [found.name for found in pkgutil.walk_packages(gca_scanpy.__path__, "gca_scanpy.")]
    assert all(importlib.import_module(name) for name in names if not name.endswith("__main__"))


@pytest.mark.parametrize("difference", _packages.DIFFERENCES, ids=lambda difference: difference.name)
def test_no_entry_outlives_its_reason(difference):
    """Each entry is there, and is needed: what is asked for is older than the version that lets it go."""
    assert hasattr(_packages, difference.name)
    (floor,) = re.findall(rf"^{difference.package}[^;\n]*>=([\d.]+)", "\n".join(requires("gca-scanpy")), re.M)
    assert _numbers(floor) < _numbers(difference.version), f"{difference.name} can go from _packages.py"


def test_no_other_module_asks_for_a_version():
    """Where versions differ, no module but this one looks at versions, or whether anndata has something."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert path.name == "_packages.py" or not ASKS.search(text), path
        assert path.name == "_packages.py" or not re.search(r"hasattr\((?:anndata|sc|pd|ad)\b", text), path


def test_accessors_are_seen_where_they_are(monkeypatch):
    """An imported anndata counts where it has accessors; one that is not imported does not."""
    there = hasattr(anndata, "register_anndata_namespace")
    assert _packages.anndata_with_accessors() is (anndata if there else None)
    monkeypatch.setitem(_packages.sys.modules, "anndata", object())
    assert _packages.anndata_with_accessors() is None
    monkeypatch.delitem(_packages.sys.modules, "anndata")
    assert _packages.anndata_with_accessors() is None


def test_x_is_no_layer():
    """The layers of an object are those beside X, whether anndata counts X or not."""
    adata = anndata.AnnData(np.zeros((2, 2), dtype=np.float32), layers={"counts": np.ones((2, 2), dtype=np.float32)})
    assert _packages.layer_names(adata.layers) == ["counts"]
    assert _packages.layer_names(["a", None, "b"]) == ["a", "b"]


def test_a_missing_name_stays_none():
    """A column of names keeps None, and an h5ad file takes its names, with every pandas."""
    assert list(pd.Series(["CL:0000236", None], dtype=_packages.NAMES)) == ["CL:0000236", None]
    assert pd.Index(["T cell"], dtype=_packages.NAMES).dtype == object
