"""Loom files."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from gca_scanpy._stores import files, loom
from gca_scanpy.errors import InputError


@pytest.fixture
def written(cells, tmp_path):
    """Write the cells as a loom file whose genes and cells are under these attributes; gives its path."""
    loompy = pytest.importorskip("loompy")

    def write(genes, barcodes):
        rows, columns = {genes: np.array(cells.var_names)}, {barcodes: np.array(cells.obs_names)}
        columns["group"] = cells.obs["cluster"].astype(str).to_numpy()
        loompy.create(str(tmp_path / "x.loom"), cells.X.T.toarray(), rows, columns)
        return tmp_path / "x.loom"

    return write


@pytest.mark.parametrize(("genes", "barcodes"), [("Gene", "CellID"), ("var_names", "obs_names")])
def test_names(cells, written, genes, barcodes):
    """Genes and cells have their names, as loompy and as AnnData write them."""
    found = files.read(written(genes, barcodes))
    assert found.var_names.tolist() == cells.var_names.tolist()
    assert found.obs_names.tolist() == cells.obs_names.tolist()
    assert found.obs["group"].tolist() == cells.obs["cluster"].tolist()
    assert (found.X != cells.X).nnz == 0


def test_no_names(written):
    """Without names of genes it is said which attributes there are."""
    with pytest.raises(InputError, match="has the row attributes strange; one of Gene, "):
        files.read(written("strange", "CellID"))


def test_an_interrupted_copy(cells, written, tmp_path):
    """A column that cannot be written leaves the source as it was, and no half file."""
    source = written("Gene", "CellID")
    before = source.read_bytes()
    with pytest.raises(KeyError):
        loom.annotate(source, tmp_path / "out.loom", cells, ["cluster", "no such column"])
    assert source.read_bytes() == before
    assert [path.name for path in tmp_path.glob("*.loom")] == ["x.loom"]
    assert not list(tmp_path.glob(".*"))


def test_loompy_is_not_installed(tmp_path, monkeypatch):
    """Without loompy one sentence says how to get it."""
    monkeypatch.setitem(sys.modules, "loompy", None)
    with pytest.raises(InputError, match=r"pip install 'gca-scanpy\[loom\]'"):
        files.read(tmp_path / "x.loom")
