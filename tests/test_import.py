"""Importing the package: no file, no Scanpy, and the exports that are promised."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files

import pytest

import gca_scanpy as gca


def _child(code, folder):
    """Ask a fresh Python: its output for some code, run in an empty home folder."""
    import os

    environment = {**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    environment = {
        **environment,
        "LOCALAPPDATA": str(folder),
        "USERPROFILE": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for name in [name for name in environment if name.startswith(("GCA_", "COV_", "COVERAGE_"))]:
        del environment[name]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_writes_and_opens_nothing(tmp_path):
    """The import writes no file, opens none but Python modules, and connects to nothing."""
    code = """
import sys, json
seen = []
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and not arguments[0].endswith((".py", ".pyc", ".so", ".pyd")):
        seen.append([event, arguments[0]])
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
    if writes or event.startswith(("socket", "os.mkdir", "subprocess")):
        seen.append([event, str(arguments)])
sys.addaudithook(hook)
import gca_scanpy
print(json.dumps(seen))
"""
    assert json.loads(_child(code, tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("statement", ["import gca_scanpy", "from gca_scanpy import settings"])
def test_importing_does_not_import_scanpy(tmp_path, statement):
    """The import waits for neither Scanpy nor AnnData, matplotlib, pandas, nor an HTTP client."""
    code = f"import sys; {statement}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    heavy = {"scanpy", "anndata", "matplotlib", "pandas", "scipy", "httpx", "numba", "h5py", "sklearn"}
    assert heavy.isdisjoint(_child(code, tmp_path).split())


def test_gene_lists_need_no_scanpy(tmp_path):
    """annotate_markers labels without importing Scanpy, AnnData, or what asks models, and writes nothing."""
    code = (
        "import sys, gca_scanpy as gca;"
        "r = gca.annotate_markers({'0': ['MS4A1', 'CD79A', 'CD79B', 'BANK1', 'CD19']}, tissue='blood');"
        "unused = {'scanpy', 'anndata', 'httpx', 'platformdirs', 'gca_scanpy._llm', 'gca_scanpy.db._io'};"
        "print(r.clusters[0].broad_label, *unused & set(sys.modules), sep='|')"
    )
    assert _child(code, tmp_path).strip() == "B cell"
    assert list(tmp_path.iterdir()) == []


def test_importing_touches_no_logger_and_no_warning_filter(tmp_path):
    """The import sets up no logging and changes no warning filter."""
    code = (
        "import logging, warnings; filters = list(warnings.filters); import gca_scanpy;"
        "print(logging.getLogger().handlers, filters == list(warnings.filters))"
    )
    assert _child(code, tmp_path).split() == ["[]", "True"]


def test_the_exports():
    """The exports are those in __all__, each is there, and dir() shows them."""
    assert set(gca.__all__) >= {"__version__", "annotate_markers", "db", "get", "io", "pl", "settings", "tl"}
    assert set(dir(gca)) == {*gca.__all__, "errors", "model"}
    for name in gca.__all__:
        assert getattr(gca, name) is not None
    for room in (gca.tl, gca.get, gca.io, gca.db):
        assert all(hasattr(room, name) for name in room.__all__)


def test_every_public_verb_has_numpy_docs():
    """Each public verb says what it takes, gives and raises, with an example or a reason to read on."""
    for room in (gca.tl, gca.get, gca.io, gca.db):
        for name in room.__all__:
            verb = getattr(room, name)
            if callable(verb) and not isinstance(verb, type):
                assert "Returns\n" in verb.__doc__ or "Raises\n" in verb.__doc__, name


def test_a_name_that_is_not_there():
    """A wrong name is an AttributeError, as of any module."""
    with pytest.raises(AttributeError, match="module 'gca_scanpy' has no attribute 'annotate_all'"):
        gca.annotate_all  # noqa: B018


def test_the_package_is_typed():
    """py.typed ships with the package, and so do the tables it reads."""
    package = files("gca_scanpy")
    assert (package / "py.typed").is_file()
    for name in ("genes.tsv.gz", "ontology.tsv.gz", "orthologs.tsv.gz", "tissues.tsv", "report.schema.json"):
        assert (package / "data" / name).is_file(), name
