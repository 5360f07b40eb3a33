"""What is asked often, and needs no cells, waits for neither Scanpy nor AnnData."""

from __future__ import annotations

import subprocess
import sys

import pytest

RUN = """
import sys
from gca_scanpy._cli.main import main
sys.argv = ["gca", *sys.argv[1:]]
try:
    main()
finally:
    print("imported:", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.mark.parametrize("call", ["--help", "--version", "schema", "cache info", "annotate --help", "presets"])
def test_without_scanpy(call, tmp_path):
    """Help, schema and the cache's figures come without Scanpy, AnnData and what makes these slow."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *call.split()], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    imported = set(done.stderr.rpartition("imported:")[2].split())
    assert "gca_scanpy" in imported
    assert imported.isdisjoint({"scanpy", "anndata", "scipy", "numba", "matplotlib", "sklearn", "dask", "xarray"})


def test_beside_scanpy(tmp_path):
    """After Scanpy, the import of this package adds a tenth of a second at most."""
    code = "import scanpy, time; t = time.perf_counter(); import gca_scanpy; print(time.perf_counter() - t)"
    seconds = [
        float(
            subprocess.run(
                [sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
            ).stdout
        )
        for _ in range(3)
    ]
    assert min(seconds) < 0.10
