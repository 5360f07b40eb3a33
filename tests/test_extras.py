"""Every extra that is not there: one sentence, with the command that installs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import metadata

import pytest

from gca_scanpy._extras import EXTRAS

FOR_DEVELOPERS = {"all", "bench", "dev", "docs", "notebooks", "providers", "test"}
# What needs the extra, and the packages that it brings.
NEEDS = {
    # AnnData imports these itself where they are there, so they are hidden otherwise.
    "dask": (
        "sys.modules.update(dask=None, xarray=None);"
        "__import__('gca_scanpy._stores', fromlist=['lazy']).lazy.read(Path('cells.zarr'))",
        [],
    ),
    "excel": ("gca.db.load('markers.xlsx')", ["openpyxl"]),
    "fetch": ("gca.db.fetch('panglaodb')", ["pooch"]),
    "loom": ("__import__('gca_scanpy._stores', fromlist=['files']).files.read(Path('cells.loom'))", ["loompy"]),
    "observability": ("gca.annotate_markers({'0': ['MS4A1', 'CD79A', 'CD19']})", ["prometheus_client", "structlog"]),
    "ui": (
        "__import__('gca_scanpy._cli.review', fromlist=['review']).review.callback(Path('x'), '', None, True)",
        ["streamlit"],
    ),
    "parquet": ("gca.db.load('markers.parquet')", ["pyarrow"]),
}
RUN = """
import sys
from pathlib import Path
import gca_scanpy as gca
try:
    {action}
except gca.GcaError as error:
    print(error)
"""


def test_every_extra_is_here():
    """The extras of the package for users are those of this table, and those that the program knows."""
    assert set(metadata("gca-scanpy").get_all("Provides-Extra")) - FOR_DEVELOPERS == set(NEEDS) == set(EXTRAS)


def test_every_package_of_an_extra_is_here():
    """What the program names for an extra is what the package requires for it."""
    required = {name: set() for name in EXTRAS}
    for requirement in metadata("gca-scanpy").get_all("Requires-Dist"):
        extra = re.search(r"extra == ['\"](\w+)['\"]", requirement)
        if extra and extra[1] in EXTRAS:
            package = re.match(r"[\w-]+(\[[\w,]+\])?", requirement)[0]
            required[extra[1]] |= {"dask", "distributed"} if package.startswith("dask[") else {package}
    assert {name: set(extra.packages) for name, extra in EXTRAS.items()} == required


@pytest.mark.parametrize("extra", NEEDS)
def test_an_extra_that_is_not_there(tmp_path, extra):
    """What needs it raises an error of this package, of one line, with the command."""
    action, packages = NEEDS[extra]
    for name in packages:
        (tmp_path / "absent" / name).mkdir(parents=True)
        (tmp_path / "absent" / name / "__init__.py").write_text(f"raise ImportError('no {name}')")
    with zipfile.ZipFile(tmp_path / "markers.xlsx", "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    (tmp_path / "markers.parquet").write_bytes(b"PAR1")
    for name in ("cells.loom", "cells.zarr"):
        (tmp_path / name).touch()
    python_path = os.pathsep.join(filter(None, (str(tmp_path / "absent"), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": python_path, "GCA_ASSETS_HOME": str(tmp_path)}
    if extra == "observability":
        environment["GCA_METRICS_TEXTFILE"] = "job.prom"
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(action=action)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert f"python -m pip install 'gca-scanpy[{extra}]'" in line
