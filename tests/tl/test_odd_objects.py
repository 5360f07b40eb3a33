"""Objects that AnnData permits and that cannot be read at once: the error says what to do, and nothing is changed."""

from __future__ import annotations

import re

import anndata
import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import InputError, MissingKeyError


class OnGpu:
    """A matrix as CuPy's: NumPy must not read it by itself."""

    __module__ = "cupy"

    def __init__(self, values):
        self.values, self.shape, self.dtype, self.ndim = values, values.shape, values.dtype, values.ndim

    def __array__(self, *_, **__):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __getitem__(self, places):
        return OnGpu(self.values[places])


class SparseOnGpu(OnGpu):
    """A sparse matrix as CuPy's, which NumPy wraps as a single object."""

    __module__ = "cupyx.scipy.sparse"

    def __array__(self, *_, **__):
        return np.array(None, dtype=object)


def _fails(call, message, error=InputError):
    with pytest.raises(error, match=re.escape(message)):
        call()


@pytest.mark.parametrize("kind", [OnGpu, SparseOnGpu])
@pytest.mark.parametrize("place", ["X", "raw", "layer", "X with a stored ranking"])
def test_a_matrix_on_a_gpu(cells, kind, place, monkeypatch):
    """Wherever it is, the error says how to bring it to the CPU."""
    import scanpy as sc

    if place == "X with a stored ranking":
        sc.tl.rank_genes_groups(cells, "cluster", method="wilcoxon")
    matrix = kind(cells.X.toarray())
    if place == "raw":
        cells.raw = cells
        monkeypatch.setattr(type(cells.raw), "X", matrix)
    elif place == "layer":
        monkeypatch.setitem(cells.layers._data, "gpu", matrix)
    else:
        monkeypatch.setattr(type(cells), "X", property(lambda _: matrix))
    options = {"layer": "gpu"} if place == "layer" else {}
    message = f"the matrix is a {kind.__module__.split('.')[0]}.{kind.__name__}, which NumPy cannot read"
    _fails(lambda: gca.tl.annotate(cells, "cluster", **options), message)
    _fails(lambda: gca.tl.annotate(cells, "cluster", **options), "rapids_singlecell.get.anndata_to_CPU(adata)")
    assert "gptca" not in cells.uns


def test_an_embedding_on_a_gpu(cells, monkeypatch):
    """The same for the places of the cells."""
    gca.tl.annotate(cells, "cluster", tissue="blood")
    monkeypatch.setitem(cells.obsm._data, "X_umap", OnGpu(np.zeros((cells.n_obs, 2))))
    for call in (gca.io.to_html, gca.pl.confidence):
        _fails(lambda call=call: call(cells, basis="umap"), "rapids_singlecell.get.anndata_to_CPU(adata)")


def test_no_x_but_layers(cells, content):
    """The error lists the layers; without one it says so, and a layer that is named is used."""
    cells.layers["normalized"] = cells.X.copy()
    cells.X = None
    before = content(cells)
    _fails(lambda: gca.tl.annotate(cells, "cluster"), "such as layer='counts'; layers: 'counts', 'normalized'")
    assert content(cells) == before
    gca.tl.annotate(cells, "cluster", layer="normalized")
    assert gca.get.report(cells).cluster("0").broad_label == "B cell"
    _fails(lambda: gca.pl.evidence(cells, use_raw=False), "layers: 'counts', 'normalized'")
    del cells.layers["counts"], cells.layers["normalized"]
    _fails(lambda: gca.tl.annotate(cells, "cluster"), "set .X; layers: none")


def test_a_matrix_without_numbers(cells):
    """Text in a layer is no expression."""
    cells.layers["text"] = np.full(cells.shape, "a", dtype=object)
    _fails(lambda: gca.tl.annotate(cells, "cluster", layer="text"), "values of type object, not numbers")


def _twice(frame, name):
    return pd.concat([frame, frame[[name]]], axis=1)


def test_a_column_twice(cells, content):
    """Of the clusters, the labels or the symbols: which one is meant is not known. Others are in nobody's way."""
    cells.var["symbol"] = cells.var_names
    cells.obs, cells.var = _twice(cells.obs, "planted"), _twice(cells.var, "symbol")
    before = content(cells.obs.iloc[:, :2])
    message = "there are 2 columns 'planted'"
    for call in (
        lambda: gca.tl.annotate(cells, "planted"),
        lambda: gca.tl.plan(cells, "planted"),
        lambda: gca.tl.validate(cells, "cluster", "planted"),
        lambda: gca.get.agreement(cells, "cluster", "planted"),
        lambda: gca.pl.compare(cells, "planted", "cluster"),
    ):
        _fails(call, message)
    _fails(lambda: gca.tl.annotate(cells, "cluster", gene_symbols="symbol"), "there are 2 columns 'symbol'")
    _fails(lambda: gca.tl.annotate(cells, "leiden"), "columns that hold groups: 'cluster'", MissingKeyError)
    assert content(cells.obs.iloc[:, :2]) == before
    gca.tl.annotate(cells, "cluster")
    assert gca.get.clusters(cells)["broad_label"]["0"] == "B cell"


@pytest.mark.parametrize(("dtype", "fraction"), [("int64", 0), ("float32", 0), ("float32", 0.5), ("Int64", 0)])
def test_a_measure_is_no_clustering(cells, dtype, fraction):
    """Numbers of genes, or shares: an error that says so, lists the clusterings, and how to insist."""
    cells.obs["n_genes"] = pd.array(np.arange(cells.n_obs) * 2 // 3 + fraction, dtype=dtype)
    for call in (
        lambda: gca.tl.annotate(cells, "n_genes"),
        lambda: gca.get.agreement(cells, "cluster", "n_genes"),
    ):
        _fails(call, "so it is a measure and not a clustering; use another column: 'cluster', 'planted'")
    cells.obs["n_genes"] = cells.obs["n_genes"].astype("category")
    assert gca.tl.plan(cells, "n_genes").offline


@pytest.mark.filterwarnings("ignore:only 0 of")  # these clusters have no markers
def test_a_few_numbers_are_clusters(cells):
    """Integer clusters are as good as text, also those of a few cells each."""
    cells.obs["number"] = np.arange(cells.n_obs) % 24
    assert len(gca.tl.plan(cells, "number").offline) == 24


def test_values_that_are_no_names(cells):
    """Lists in a column cannot be clusters."""
    cells.obs["lists"] = [[1]] * cells.n_obs
    _fails(lambda: gca.tl.annotate(cells, "lists"), "not names of clusters, such as [1]; use text")


@pytest.mark.parametrize(
    ("spoil", "key", "message"),
    [
        (lambda cells: cells.uns.update(neighbors={"params": {}}), "neighbors", "would replace .uns['neighbors']"),
        (lambda cells: cells.uns.update(mine="text"), "mine", "would replace .uns['mine']"),
        (lambda cells: cells.obs.insert(0, "mine_label", "x"), "mine", "would replace .obs['mine_label']"),
        (lambda cells: cells.obs.insert(0, "a_status", 1.5), "a", "would replace .obs['a_status']"),
        (lambda cells: cells.obs.insert(0, "gptca_label", cells.obs["cluster"]), "gptca", "the clusters"),
    ],
)
def test_a_key_of_other_data(cells, content, spoil, key, message, monkeypatch):
    """A key under which something else would be replaced is refused before anything is computed."""
    spoil(cells)
    before = content(cells)
    monkeypatch.setattr("gca_scanpy._pipeline.annotate", None)
    groupby = "gptca_label" if key == "gptca" else "cluster"
    for copy in (False, True):
        _fails(lambda copy=copy: gca.tl.annotate(cells, groupby, key_added=key, copy=copy), message)
        _fails(lambda copy=copy: gca.tl.validate(cells, groupby, "planted", key_added=key, copy=copy), message)
    assert content(cells) == before


def test_a_key_of_an_earlier_run(cells):
    """It is replaced, also if .uns was lost, as by anndata.concat."""
    for _ in range(2):
        gca.tl.annotate(cells, "cluster", key_added="mine")
    del cells.uns["mine"]
    gca.tl.annotate(cells, "cluster", key_added="mine")
    assert len(gca.get.report(cells, "mine").clusters) == 4


@pytest.mark.parametrize("genes", [None, 5, 1.5, {"MS4A1": 1.0}, "MS4A1", b"MS4A1", object(), np.zeros((2, 2)), len])
def test_genes_that_are_no_list(genes):
    """A value that is no list of genes is an error with its cluster."""
    for call in (
        gca.annotate_markers,
        gca.plan_markers,
        lambda markers: gca.validate_markers(markers, {"7": "B cell"}),
    ):
        _fails(lambda call=call: call({"7": genes}), "the markers of cluster '7' are ")


def test_a_method_that_scanpy_does_not_have(cells, content):
    """The error has Scanpy's words, which list the methods."""
    before = content(cells)
    _fails(lambda: gca.tl.annotate(cells, "cluster", method="wilcox"), "method='wilcox' cannot rank these genes (")
    assert content(cells) == before


@pytest.mark.parametrize(
    "reply", ["text", None, [], {"text": "a"}, 5, b"", gca.Completion(None), gca.Completion("a", "b")]
)
def test_a_model_that_returns_no_completion(cells, content, reply):
    """A defect of the user's model object is an error that names it and what it must return, not an outage."""

    class Own:
        name = "own"

        def complete(self, messages, schema):
            return reply

    before = content(cells)
    model = gca.Asking(Own(), cache=False)
    _fails(lambda: gca.tl.annotate(cells, "cluster", model=model), "complete() of the model 'own' returned ")
    assert content(cells) == before


def test_a_model_without_a_name():
    """A name that is no text is refused."""

    class Own:
        name = None

        def complete(self, messages, schema):
            raise AssertionError

    _fails(lambda: gca.annotate_markers({"0": ["MS4A1"]}, model=Own()), "the name of a model=None must be text")


def test_a_view_of_a_backed_object(cells, tmp_path, monkeypatch):
    """Nothing can be added to it, which is said before anything is computed; a copy of it can be annotated."""
    gca.tl.annotate(cells, "cluster")
    cells.write_h5ad(tmp_path / "a.h5ad")
    backed = anndata.read_h5ad(tmp_path / "a.h5ad", backed="r")
    view = backed[:90]
    assert (
        gca.get.report(gca.tl.annotate(view, "cluster", tissue="blood", copy=True)).cluster("0").broad_label == "B cell"
    )
    monkeypatch.setattr("gca_scanpy._pipeline.annotate", None)
    for call in (
        lambda: gca.tl.annotate(view, "cluster"),
        lambda: gca.tl.validate(view, "cluster", "planted"),
        lambda: gca.tl.curate(view, accept=["0"], who="Ada"),
        lambda: gca.tl.to_cellxgene(view),
    ):
        _fails(call, "a view of a backed object, to which nothing can be added; pass adata.to_memory()")
    backed.file.close()


def test_cells_without_genes(cells):
    """There is nothing to rank."""
    _fails(lambda: gca.tl.annotate(cells[:, :0].copy(), "cluster"), "the matrix to rank has no genes; ")


def test_an_option_that_scanpy_refuses(cells):
    """A wrong value of an option that is passed on is an error that names the option."""
    gca.tl.annotate(cells, "cluster")
    _fails(lambda: gca.pl.evidence(cells, cmap="nonsense", show=False), "cannot draw with the options cmap: 'nonsense'")


def test_a_plot_in_a_format_that_there_is_not(cells, tmp_path):
    """The error lists the formats, and one that cannot be written names the file."""
    gca.tl.annotate(cells, "cluster")
    _fails(lambda: gca.pl.ontology(cells, save=tmp_path / "a.xyz"), "ends in no format of matplotlib; they are: ")
    (tmp_path / "file").write_text("")
    with pytest.raises(gca.errors.FileError, match=r"a\.png cannot be written: "):
        gca.pl.ontology(cells, save=tmp_path / "file" / "a.png")
