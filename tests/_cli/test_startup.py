"""What is asked often, and needs no cells, waits for neither Scanpy nor AnnData."""

from __future__ import annotations

import json
import subprocess
import sys

# One process is asked for everything: what a call imports is still there after those that follow.
RUN = """
import contextlib, io, json, sys
from gca_scanpy._cli.main import main
calls = json.loads(sys.argv[1])
shown = {}
for call in calls:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        main(call.split(), prog_name="gca")
    shown[call] = [len(out.getvalue()), sorted({name.partition(".")[0] for name in sys.modules})]
print(json.dumps(shown))
"""
SLOW = {"scanpy", "anndata", "matplotlib", "scipy", "numba", "sklearn", "dask", "xarray"}
WITHOUT_CELLS = [
    "--help", "--version", "annotate --help", "schema", "cache info", "presets", "completion zsh",
]  # fmt: skip


def test_without_scanpy(tmp_path):
    """Help, schema, presets and the cache's figures need not even NumPy; the doctor needs no Scanpy."""
    calls = [*WITHOUT_CELLS, "doctor --ping"]
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(calls)], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(done.stdout)
    for call in calls:
        n_letters, imported = shown[call]
        assert n_letters, call
        assert "gca_scanpy" in imported
        assert SLOW.isdisjoint(imported), call
        if call in WITHOUT_CELLS:
            assert {"numpy", "pandas"}.isdisjoint(imported), call
