"""AnnData files: whole or not there, and errors that name the file; loom files."""

from __future__ import annotations

import sys

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

from gca_scanpy._stores import files
from gca_scanpy.errors import InputError

KINDS = ["h5ad", "zarr"]


@pytest.fixture(params=KINDS)
def path(request, tmp_path):
    """A place for a file of either kind."""
    if request.param == "zarr":
        pytest.importorskip("zarr")
    return tmp_path / f"data.{request.param}"


def test_round_trip(cells, path):
    """What is written reads back, over an older file too, and no other file is left."""
    files.write(cells[:60].copy(), path)
    files.write(cells, path)
    found = files.read(path)
    assert found.shape == cells.shape
    assert found.obs["cluster"].tolist() == cells.obs["cluster"].tolist()
    assert [p.name for p in path.parent.iterdir() if p.name != "own_cache"] == [path.name]


def test_texts_of_newer_programs(cells, path):
    """Nullable strings, as a program with pandas 3 may write them, are read as what every anndata can write."""
    settings = getattr(anndata, "settings", None)
    if not hasattr(settings, "allow_write_nullable_strings"):
        pytest.skip("this anndata writes no nullable strings")
    cells.obs["text"] = pd.array([None, *["a"] * (cells.n_obs - 1)], dtype="string")
    for frame in (cells.obs, cells.var):
        frame.index = frame.index.astype("string")
    with settings.override(allow_write_nullable_strings=True):
        (cells.write_h5ad if path.suffix == ".h5ad" else cells.write_zarr)(path)
    found = files.read(path)
    with settings.override(allow_write_nullable_strings=False):
        files.write(found, path.with_name(f"again{path.suffix}"))
    again = files.read(path.with_name(f"again{path.suffix}"))
    for one in (found, again):
        assert (list(one.obs_names), list(one.var_names)) == (list(cells.obs_names), list(cells.var_names))
        assert one.obs["text"].isna().tolist() == [True, *[False] * (cells.n_obs - 1)]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), TypeError("no writer"), KeyboardInterrupt()])
def test_an_interrupted_write(cells, path, monkeypatch, error):
    """A write that fails half-way leaves the old file whole, and no half file."""
    files.write(cells, path)

    def broken(self, target, *args, **kwargs):
        if target.suffix == ".zarr":
            target.mkdir()
            target = target / "half"
        target.write_text("half")
        raise error

    for kind in KINDS:
        monkeypatch.setattr(anndata.AnnData, f"write_{kind}", broken)
    expected = InputError if isinstance(error, TypeError) else type(error)
    with pytest.raises(expected):
        files.write(cells[:10].copy(), path)
    monkeypatch.undo()
    assert [p.name for p in path.parent.iterdir() if p.name != "own_cache"] == [path.name]
    assert files.read(path).n_obs == cells.n_obs


def test_a_rename_that_fails(cells, path, monkeypatch):
    """Where the new file cannot take its place, the old one is there again."""
    from pathlib import Path

    files.write(cells, path)
    rename = Path.replace

    def refuse(self, target):
        if target == path and ".part" in self.name:
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError):
        files.write(cells[:10].copy(), path)
    monkeypatch.undo()
    assert [p.name for p in path.parent.iterdir() if p.name != "own_cache"] == [path.name]
    assert files.read(path).n_obs == cells.n_obs


def test_the_ending_may_be_in_capitals(cells, tmp_path):
    """``DATA.H5AD`` is an h5ad file."""
    files.write(cells, tmp_path / "DATA.H5AD")
    assert files.read(tmp_path / "DATA.H5AD").n_obs == cells.n_obs


@pytest.mark.parametrize("name", ["x.rds", "x", "x.h5x"])
def test_another_kind(cells, tmp_path, name):
    """Another kind of file is refused by name, for reading and writing."""
    with pytest.raises(InputError, match=f"{name} has an unknown format"):
        files.read(tmp_path / name)
    with pytest.raises(InputError, match=f"{name} must end in"):
        files.write(cells, tmp_path / name)


def test_zarr_is_not_installed(tmp_path, monkeypatch):
    """Where the zarr package is missing, the error says that a package is needed."""

    def missing(path):
        raise ModuleNotFoundError("No module named 'zarr'")

    monkeypatch.setattr(anndata, "read_zarr", missing)
    with pytest.raises(InputError, match=r"x\.zarr cannot be read without another package: No module named 'zarr'"):
        files.read(tmp_path / "x.zarr")


@pytest.mark.parametrize(("name", "kind"), [("x.h5", "10x h5"), ("x.h5ad", "h5ad")])
def test_an_hdf5_file_of_another_kind(tmp_path, name, kind):
    """An HDF5 file of another program is refused by name."""
    import h5py

    with h5py.File(tmp_path / name, "w") as file:
        file["a"] = [1]
    with pytest.raises(InputError, match=f"{name} (cannot be read as {kind}|contains a)"):
        files.read(tmp_path / name)


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
        files.annotate_loom(source, tmp_path / "out.loom", cells, ["cluster", "no such column"])
    assert source.read_bytes() == before
    assert [path.name for path in tmp_path.glob("*.loom")] == ["x.loom"]
    assert not list(tmp_path.glob(".*"))


def test_loompy_is_not_installed(tmp_path, monkeypatch):
    """Without loompy one sentence says how to get it."""
    monkeypatch.setitem(sys.modules, "loompy", None)
    with pytest.raises(InputError, match=r"pip install 'gca-scanpy\[loom\]'"):
        files.read(tmp_path / "x.loom")


def _external(file, other):
    file["elsewhere"] = h5py.ExternalLink(str(other), "/X")


def _deep(file, other):
    file["uns"].create_group("a")["elsewhere"] = h5py.ExternalLink("missing.h5", "/")


def _raw(file, other):
    file.create_dataset("layers/raw", (4,), "u1", external=[(str(other), 0, 4)])


def _virtual(file, other):
    layout = h5py.VirtualLayout((1, 1), "f4")
    layout[:] = h5py.VirtualSource(str(other), "X", (1, 1))
    file.create_virtual_dataset("layers/virtual", layout)


@pytest.mark.parametrize("change", [_external, _deep, _raw, _virtual])
def test_data_of_other_files(cells, tmp_path, change):
    """A file that takes data from others, whichever way HDF5 has for it, is refused before it is read."""
    path, other = tmp_path / "cells.h5ad", tmp_path / "other.h5ad"
    cells.write_h5ad(path)
    cells.write_h5ad(other)
    files.check_alone(path, 10**9)
    with h5py.File(path, "r+") as file:
        file.require_group("uns")
        change(file, other)
    with pytest.raises(InputError, match="takes data from other files"):
        files.check_alone(path, 10**9)


def test_data_that_unpack_to_too_much(cells, tmp_path):
    """A small file can unpack to more than there is memory; that is seen from its structure."""
    path = tmp_path / "cells.h5ad"
    cells.write_h5ad(path)
    with h5py.File(path, "r+") as file:
        file.require_group("layers").create_dataset("zeros", (10**6, 10**6), "f8", chunks=(1000, 1000), compression=9)
    with pytest.raises(InputError, match="unpacks to 8,000,"):
        files.check_alone(path, 10**9)
    path.write_bytes(b"\x89HDF\r\n")
    with pytest.raises(InputError, match="cannot be read as h5ad"):
        files.check_alone(path, 10**9)
