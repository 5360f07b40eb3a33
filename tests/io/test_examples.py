"""The examples of docs/exports.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import anndata
import pytest

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "exports.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.S)


def test_the_page_runs(tmp_path, monkeypatch):
    """Each example runs after those before it; the accessor's where this anndata has accessors."""
    monkeypatch.chdir(tmp_path)
    names = {}
    assert len(BLOCKS) == 4
    for block in BLOCKS:
        if "adata.gca." not in block:
            exec(compile(block, "docs/exports.md", "exec"), names)
    files = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert files == {"report.json", "report.html", "clusters.csv", "pbmc.cas.json"}


@pytest.mark.skipif(not hasattr(anndata, "register_anndata_namespace"), reason="this anndata has no accessors")
def test_the_accessor_runs(tmp_path, monkeypatch):
    """The example of the accessor runs, in a Python that imports as the page says."""
    import subprocess
    import sys

    code = BLOCKS[0].split("gca.tl.annotate")[0] + BLOCKS[-1]
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
