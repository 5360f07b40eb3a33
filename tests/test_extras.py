"""Every extra that is not there: one sentence, with the command that installs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import metadata

import pytest

from gca_scanpy._packages import EXTRAS, sentence

# What needs the extra, and the packages that it brings.
NEEDS = {
    "dask": (
        "__import__('gca_scanpy._stores', fromlist=['files']).files.read_lazily(Path('cells.zarr'))",
        ["dask", "xarray", "dask.array"],
    ),
    "excel": ("gca.db.load('markers.xlsx')", ["openpyxl"]),
    "fetch": ("gca.db.fetch('panglaodb')", ["pooch"]),
    "loom": ("__import__('gca_scanpy._stores', fromlist=['files']).files.read(Path('cells.loom'))", ["loompy"]),
    "mcp": ("__import__('gca_scanpy._cli.mcp', fromlist=['mcp']).mcp.callback(None)", ["mcp_types"]),
    "observability": ("gca.annotate_markers({'0': ['MS4A1', 'CD79A', 'CD19']})", ["prometheus_client", "structlog"]),
    "ui": (
        "__import__('gca_scanpy._cli.labels', fromlist=['review']).review.callback(Path('x'), '', None, True)",
        ["streamlit"],
    ),
    "parquet": ("gca.db.load('markers.parquet')", ["pyarrow"]),
}
# One process answers for all of them; each has packages hidden while its line runs.
RUN = """
import json, os, sys
from pathlib import Path
import gca_scanpy as gca
for extra, (action, packages) in json.loads(sys.argv[1]).items():
    there = {name: sys.modules.pop(name, None) for name in packages}
    sys.modules.update(dict.fromkeys(packages))
    os.environ["GCA_METRICS_TEXTFILE"] = "job.prom" if extra == "observability" else ""
    try:
        exec(action)
    except gca.GcaError as error:
        print(json.dumps([extra, str(error)]))
    for name, module in there.items():
        sys.modules.pop(name) if module is None else sys.modules.update({name: module})
"""


def test_every_extra_is_here():
    """The extras of the package for users are those of this table, and those that the program knows."""
    assert set(metadata("gca-scanpy").get_all("Provides-Extra")) - {"all"} == set(NEEDS) == set(EXTRAS)


def test_every_package_of_an_extra_is_here():
    """What the program names for an extra is what the package requires for it."""
    required = {name: set() for name in EXTRAS}
    for requirement in metadata("gca-scanpy").get_all("Requires-Dist"):
        extra = re.search(r"extra == ['\"](\w+)['\"]", requirement)
        if extra and extra[1] in EXTRAS:
            package = re.match(r"[\w-]+(\[[\w,]+\])?", requirement)[0]
            required[extra[1]] |= {"dask", "distributed"} if package.startswith("dask[") else {package}
    assert {name: set(extra.packages) for name, extra in EXTRAS.items()} == required


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """The errors by extra, of a fresh process that lacks its packages."""
    folder = tmp_path_factory.mktemp("extras")
    with zipfile.ZipFile(folder / "markers.xlsx", "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    (folder / "markers.parquet").write_bytes(b"PAR1")
    for name in ("cells.loom", "cells.zarr"):
        (folder / name).touch()
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(NEEDS)],
        cwd=folder,
        env={**os.environ, "GCA_ASSETS_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(NEEDS)
    return dict(lines)


@pytest.mark.parametrize("extra", NEEDS)
def test_an_extra_that_is_not_there(said, extra):
    """What needs it raises an error of this package, of one line, with the command."""
    (line,) = said[extra].splitlines()
    assert f"python -m pip install 'gca-scanpy[{extra}]'" in line


def test_an_extra_that_needs_a_newer_python(monkeypatch):
    """On an older Python, which the extra brings nothing for, the error says so."""
    assert "Python 3" not in sentence("mcp")
    monkeypatch.setattr("sys.version_info", (3, 9, 0))
    assert sentence("mcp").endswith("'gca-scanpy[mcp]' on Python 3.10 or newer")
    assert "Python 3" not in sentence("ui")
