"""Every public function is given every kind of wrong value for each of its arguments: only our own errors come out."""

from __future__ import annotations

import errno
import inspect
import pickle
import re
import sys
from functools import partial
from pathlib import Path

import anndata
import attrs
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy._keys import MAX_KEY
from gca_scanpy._settings import Settings
from gca_scanpy.errors import FileError, GcaError, InputError

ROOMS = ("tl", "pl", "get", "io", "db")
CLASSES = {
    "Asking": gca.Asking,
    "LanguageModel": gca.LanguageModel,
    "LanguageModel.complete": partial(
        gca.LanguageModel.complete, gca.LanguageModel("m", base_url="http://127.0.0.1:9")
    ),
}
FUNCTIONS = {
    **{f"{room}.{name}": getattr(getattr(gca, room), name) for room in ROOMS for name in getattr(gca, room).__all__},
    **{name: getattr(gca, name) for name in gca.__all__ if inspect.isfunction(getattr(gca, name))},
}
FUNCTIONS = {name: thing for name, thing in FUNCTIONS.items() if not inspect.isclass(thing)} | CLASSES

WRONG = {
    "list": ["leiden"],
    "two": ["a", "b"],
    "numbers": [1, 2.5],
    "tuple": ("leiden",),
    "set": {"leiden"},
    "Series": pd.Series(["a", "b"], name="cluster"),
    "dict": {"0": 5},
    "nested": {"0": {"1": []}},
    "None": None,
    "int": 7,
    "zero": 0,
    "negative": -3,
    "nan": float("nan"),
    "infinite": float("inf"),
    "bool": True,
    "bytes": b"leiden",
    "path": "nowhere/cells.h5ad",
    "Path": Path("nowhere/cells.h5ad"),
    "frame": pd.DataFrame({"a": [1, 2]}),
    "array": np.zeros((2, 2)),
    "object": object(),
    "class": int,
    "empty": "",
    "unknown": "no such thing",
    "NUL": "a\0b",
    "lambda": lambda *_: None,
}
TEXTS, PATHS = {"path", "empty", "unknown", "NUL"}, {"path", "Path", "unknown"}
# The values that an argument takes as they are, by its name, or by those of function and argument; each other one must
# be refused.
TAKEN = {
    "agreement": {"zero"},
    "api_key": {"None", *TEXTS},
    "ax": {"None"},
    "base_url": {"None", "empty"},
    "basis": {"None"},
    "ask_again": {"bool"},
    "cache": {"bool", "path", "Path", "unknown"},
    "certainty": {"None", "zero"},
    "cell_type": {"NUL"},  # a label of B cells with a stray letter
    "chunk_size": {"int"},
    "clusters": {"None"},
    "context": {"None", *TEXTS},
    "copy": {"bool"},
    "db.export.path": {"path", "Path"},  # they are of another format
    "db.fetch.name": set(),
    "deadline": {"int"},
    "depth": {"int"},
    "format": {"None"},
    "gene_symbols": {"None"},
    "get.methods.references": {"bool"},
    "get.contrast.first": {"None", "NUL"},
    "pl.contrast.first": {"None", "NUL"},
    "pl.contrast.second": {"None", "NUL"},
    "get.contrast.second": {"None", "NUL"},
    "groups": {"None"},
    "headers": {"None"},
    "hooks": {"None"},
    "io.read_markers.path": set(),
    "io.read_report.path": set(),
    "io.to_csv.path": {"unknown"},
    "io.to_json.path": {"unknown"},
    "key_added": {"unknown"},
    "layer": {"None"},
    "legend_loc": {"None"},
    "marker_db": {"None"},
    "markers": {"frame"},  # a table of markers
    "gate": set(WRONG),
    "max_requests": {"None", "int"},
    "max_tokens": {"None", "int"},
    "messages": set(),
    "method": TEXTS,  # a stored ranking needs no method
    "mixed": {"None"},
    "model": {"None", *TEXTS, "list", "two", "tuple"},  # the names of models
    "n_genes": {"int"},
    "n_markers": {"int"},
    "n_terms": {"None", "int"},
    "n_threads": {"int"},
    "name": TEXTS,
    "min_agreement": {"zero"},
    "overwrite": {"bool"},
    "path": {"None", "unknown"},
    "pl.evidence.n_genes": {"None", "int"},
    "rank_key": TEXTS,  # without a stored ranking, the genes are ranked
    "result_prefix": {"unknown"},
    "return_fig": {"bool"},
    "sample_key": {"None"},
    "schema": {"dict", "nested"},
    "save": {"None", "bool", "empty", "unknown", "path", "Path"},
    "scores": {"None"},
    "sha256": {"None"},
    "show": {"None", "bool"},
    "temperature": {"None", "int", "zero"},
    "terms": {"None"},
    "timeout": {"int"},
    "tissue": {"None", "nan", *TEXTS, "list", "two", "tuple", "set", "Series"},  # names of tissues, known or not
    "tl.consensus.groupby": {"None"},
    "tl.curate.labels": {"None", "Series"},  # a text by cluster
    "tl.harmonize.sample_key": set(),
    "tl.split.groupby": {"None"},
    "tl.split.key_added": {"None", "unknown"},
    "tl.to_cellxgene.labels": {"None"},
    "tl.to_cellxgene.species": {"None"},
    "top_n_markers": {"int"},
    "use_raw": {"None", "bool"},
    "title": {"None", *TEXTS},
    "weights": {"None"},
    "who": {"None", *TEXTS},
    "why": TEXTS,
}
SETTINGS = {
    "min_support": {"int"},
    "force_unknown": {"bool"},
    "mixed_ratio": {"zero"},
    "certainty": {"zero"},
    "timeout": {"int"},
    "deadline": {"int"},
    "headers": set(),
    "requests_per_minute": {"None", "int"},
    "tokens_per_minute": {"None", "int"},
    "model": {"None", *TEXTS},
    "base_url": {"None", *TEXTS},
    "request_id": {"None", *TEXTS},
    "cache_dir": {"None", *PATHS},
    "marker_db_path": {"None", *PATHS},
    "assets_home": {"None", *PATHS},
    "metrics_textfile": {"None", *PATHS},
}


@pytest.fixture(scope="module")
def right(plant, tmp_path_factory):
    """A right value for each argument that has no default, by its name."""
    cells = plant((5, 5, 5, 5))
    gca.tl.annotate(cells, "cluster", tissue="blood")
    gca.tl.consensus(cells, ["gptca_label", "planted"], "cluster", tissue="blood")
    table = tmp_path_factory.mktemp("right") / "markers.csv"
    table.write_text("cluster,gene\n0,MS4A1\n")
    return {
        "adata": cells,
        "cell_type": "B cell",
        "cluster": "0",
        "cluster_key": "cluster",
        "data": cells,
        "db.export.path": table.with_suffix(".tsv"),
        "first": "cluster",
        "gene": "MS4A1",
        "groupby": "cluster",
        "hooks": None,
        "keys": ["gptca_label", "planted"],
        "labels": {"0": "B cell"},
        "markers": {"0": ["MS4A1", "CD79A", "CD79B"]},
        "model": "m",
        "name": "panglaodb",
        "messages": [],
        "path": table,
        "sample_key": "planted",
        "schema": {},
        "source": "bundled",
        "second": "planted",
        "species": "human",
        "tl.validate.labels": "planted",
    }


def _problem(call, argument, value):
    """What is wrong with how a call refuses a value; empty if nothing is."""
    try:
        call()
    except GcaError as error:
        text = str(error)
        parts = [
            argument,
            repr(value),
            str(value),
            type(value).__name__,
            *(value if isinstance(value, (list, tuple, set)) else ()),
        ]
        # Some arguments name a thing, and the error names the thing: 'leiden' is no cluster, there are ...
        named = any(str(part) in text for part in parts) or isinstance(value, pd.Series)
        return "" if named and len(text) > 15 and "\n" not in text else f"{type(error).__name__}: {text}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore")
def test_a_wrong_value_is_an_error_of_ours(name, right, content, monkeypatch, tmp_path):
    """It names the argument or the value and says what to do, and the data stay as they were."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "pooch", None)  # nothing is downloaded
    function, before, problems = FUNCTIONS[name], content(right["adata"]), []
    parameters = [p for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]
    needed = {p.name: right.get(f"{name}.{p.name}", right.get(p.name)) for p in parameters if p.default is p.empty}
    for argument in (p.name for p in parameters):
        taken = TAKEN.get(f"{name}.{argument}", TAKEN.get(argument, ()))
        for kind, value in WRONG.items():
            if kind not in taken:
                problem = _problem(partial(function, **{**needed, argument: value}), argument, value)
                problems += [f"{argument}={kind}: {problem}"] if problem else []
    plt.close("all")
    assert problems == []
    assert content(right["adata"]) == before


def test_a_wrong_setting_is_an_error_of_ours():
    """Each setting refuses what it cannot be, in ``override`` and ``current``, and so does setting an attribute."""
    assert set(SETTINGS) == {field.name for field in attrs.fields(Settings)}

    def override(**values):
        with gca.settings.override(**values):
            pass

    for name, taken in SETTINGS.items():
        for kind, value in WRONG.items():
            if kind not in taken:
                assert _problem(partial(override, **{name: value}), name, value) == "", (name, kind)
        with pytest.raises(InputError, match=rf"settings\.override\({name}=\.\.\.\)"):
            setattr(gca.settings, name, None)
    with pytest.raises(InputError, match="unknown setting: nonsense; the settings are: min_support"):
        gca.settings.current(nonsense=1)
    assert gca.settings.current() == Settings(cache_dir=gca.settings.cache_dir)


def test_every_argument_of_a_public_function_is_checked():
    """A new function of the public rooms is decorated, and so is a new argument of an old one."""
    for name, function in FUNCTIONS.items():
        if name not in CLASSES and inspect.signature(function).parameters:
            assert hasattr(function, "__wrapped__"), name


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (
            ["cluster"],
            "groupby=['cluster'] must be the name of a column of .obs, such as 'leiden'; pass 'cluster' itself",
        ),
        (
            pd.Series(["a"], name="cluster"),
            "<Series> must be the name of a column of .obs, such as 'leiden'; pass 'cluster'",
        ),
        (None, "groupby=None must be the name of a column"),
    ],
)
def test_a_name_in_a_wrapping(cells, value, advice):
    """A list of one name, or the column instead of its name: the error says what to pass."""
    with pytest.raises(InputError, match=re.escape(advice)):
        gca.tl.annotate(cells, value)


class MuData:
    """What muon's objects look like from outside."""

    def __init__(self, **mod):
        self.mod, self.obs, self.uns, self.n_obs = mod, pd.DataFrame(), {}, 0


class SpatialData:
    """What spatialdata's objects look like from outside."""

    def __init__(self, **tables):
        self.tables = tables


@pytest.mark.parametrize(
    ("wrapped", "advice"),
    [
        (lambda cells: MuData(rna=cells, prot=cells), "('rna', 'prot'): pass one of them, such as data.mod['rna']"),
        (lambda cells: SpatialData(table=cells), "('table'): pass one of them, such as data.tables['table']"),
        (lambda _: "cells.h5ad", "read the file first: scanpy.read('cells.h5ad')"),
        (lambda _: Path("cells.h5ad"), "read the file first: scanpy.read('cells.h5ad')"),
        (lambda cells: cells.to_df(), "adata=<DataFrame> must be an AnnData object"),
        (lambda cells: cells.X, "must be an AnnData object"),
        (lambda _: None, "adata=None must be an AnnData object"),
    ],
)
@pytest.mark.parametrize("call", [partial(gca.tl.annotate, groupby="cluster"), gca.get.report, gca.tl.to_cellxgene])
def test_what_contains_cells_or_is_no_object(cells, wrapped, advice, call):
    """MuData, SpatialData, a path and a table: the error says how to get the object."""
    with pytest.raises(InputError, match=re.escape(advice)):
        call(wrapped(cells))


@pytest.mark.parametrize(
    "key", ["a/b", "", " ", ".", "..", ".zgroup", "zarr.json", "a\\b", "a\0b", "\ud800", "x" * (MAX_KEY + 1), None, 5]
)
def test_a_key_that_files_cannot_contain(cells, content, key, monkeypatch):
    """It is refused in every function that takes one, before anything is computed."""
    before = content(cells)
    monkeypatch.setattr("gca_scanpy._pipeline.annotate", None)
    for call in (
        partial(gca.tl.annotate, cells, "cluster", key_added=key),
        partial(gca.tl.validate, cells, "cluster", "planted", key_added=key),
        partial(gca.tl.curate, cells, {"0": "B cell"}, key=key),
        partial(gca.tl.to_cellxgene, cells, key),
        partial(gca.annotate_anndata, cells, "cluster", species="human", result_prefix=key),
    ):
        with pytest.raises(InputError, match="must be a name that files can contain"):
            call()
    assert content(cells) == before


def test_a_key_of_any_other_text_can_be_written(cells, tmp_path):
    """What is not refused goes through h5ad and zarr."""
    keys = ("__a. β", "x" * MAX_KEY)
    for key in keys:
        gca.tl.annotate(cells, "cluster", key_added=key)
    cells.write_h5ad(tmp_path / "a.h5ad")
    back = anndata.read_h5ad(tmp_path / "a.h5ad")
    assert [gca.get.report(back, key) for key in keys] == [gca.get.report(cells, key) for key in keys]
    pytest.importorskip("zarr")
    cells.write_zarr(tmp_path / "a.zarr")
    back = anndata.read_zarr(tmp_path / "a.zarr")
    assert [gca.get.report(back, key) for key in keys] == [gca.get.report(cells, key) for key in keys]


def test_a_secret_is_in_no_message():
    """A key in a form that is not taken is not shown."""
    key = "sk-secret-0123456789"
    for options in ({"api_key": [key]}, {"api_key": {key: 1}}, {"headers": [key]}, {"headers": {"X": [key]}}):
        with pytest.raises(InputError) as caught:
            gca.LanguageModel("openai:m", **options)
        assert key not in str(caught.value)
        assert next(iter(options)) in str(caught.value)
    with pytest.raises(InputError) as caught, gca.settings.override(headers={"X": [key]}):
        pass
    assert key not in str(caught.value)


def test_an_error_of_a_file_is_also_that_of_the_system(tmp_path):
    """It names the file, and code that catches Python's own error goes on working."""
    with pytest.raises(FileError, match=r"none\.json cannot be read: No such file.*check the path") as caught:
        gca.io.read_report(tmp_path / "none.json")
    assert isinstance(caught.value, FileNotFoundError)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy), copy.errno) == (type(caught.value), str(caught.value), errno.ENOENT)
    with pytest.raises(FileError, match="cannot be read: Is a directory; it is a folder"):
        gca.io.read_markers(tmp_path)


WRITERS = (gca.io.to_json, gca.io.to_csv, gca.io.to_html)


@pytest.mark.parametrize("write", WRITERS, ids=[write.__name__ for write in WRITERS])
@pytest.mark.parametrize("place", ["/", ".", "..", "a/b/c", "file/c", "x" * 300, "\ud800", "a\0", ""])
def test_places_that_take_no_file(tmp_path, monkeypatch, write, place):
    """Whatever the system says, the error is one of ours, and no part of a file is left."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    report = gca.annotate_markers({"0": ["MS4A1", "CD79A"]})
    with pytest.raises(GcaError, match=r"cannot be written: |path=.* must be the path of a file"):
        write(report, place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
