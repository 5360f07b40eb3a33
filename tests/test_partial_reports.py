"""A report in which something is absent goes everywhere: for each field of the model that may be absent or empty.

The fields are found by introspection, so a new field is tested without a change here.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from typing import Literal, Union, get_args, get_origin, get_type_hints

import attrs
import pytest

import gca_scanpy as gca
from gca_scanpy import _codec, model
from gca_scanpy.errors import InputError, MissingKeyError

# Texts that name or order something, and are never empty in a report.
NAMES = {"schema_version", "cluster_id", "primary_label", "proposed_label"}
# Without these nothing can tell which cells are in which cluster, and the error says so.
CELLS_ARE_LOST = {"parameters", "parameters[groupby]", "clusters", "all of it"}


def _hints(kind):
    return get_type_hints(kind, vars(sys.modules[kind.__module__]))


def _is_model(kind):
    return isinstance(kind, type) and attrs.has(kind)


def _parts(kind, path=()):
    """The paths of all fields that may be absent or empty, through all classes of the model."""
    for name, hint in _hints(kind).items():
        inner = [part for part in (hint, *get_args(hint)) if _is_model(part)]
        origin = get_origin(hint)
        if (hint is str and name not in NAMES) or origin in (Union, tuple, Mapping):
            yield (*path, name)
        for part in inner:
            yield from _parts(part, (*path, name))


def _empty(hint):
    if hint is str:
        return ""
    return None if get_origin(hint) is Union else () if get_origin(hint) is tuple else {}


def _sample(hint):
    """A value of this type that is neither absent nor empty."""
    if _is_model(hint):
        return hint(**{name: _sample(part) for name, part in _hints(hint).items()})
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Union:
        return _sample(arguments[0])
    if origin is tuple:
        return (_sample(arguments[0]),)
    if origin is Mapping:
        return {"sample": _sample(arguments[1])}
    if origin is Literal:
        return arguments[0]
    return {str: "sample", int: 1, float: 0.5, bool: False}[hint]


def _filled(value):
    """The object with a sample in each field that was absent or empty."""
    changes = {}
    for name, hint in _hints(type(value)).items():
        old = getattr(value, name)
        if old in (None, "", (), {}):
            changes[name] = _sample(hint)
        elif _is_model(type(old)):
            changes[name] = _filled(old)
        elif isinstance(old, tuple) and _is_model(type(old[0])):
            changes[name] = tuple(map(_filled, old))
    return attrs.evolve(value, **changes)


def _without(value, path):
    """The object without the field at a path, in each of its clusters, candidates and so on."""
    if isinstance(value, tuple):
        return tuple(_without(item, path) for item in value)
    if value is None:
        return None
    name, *rest = path
    hint, old = _hints(type(value))[name], getattr(value, name)
    return attrs.evolve(value, **{name: _without(old, rest) if rest else _empty(hint)})


FIELDS = {".".join(path): functools.partial(_without, path=path) for path in _parts(model.DatasetReport)}


def _without_key(field, key):
    """The report without an entry of its parameters."""
    return lambda report: attrs.evolve(report, **{field: {k: v for k, v in getattr(report, field).items() if k != key}})


def _all(report):
    return functools.reduce(lambda changed, name: FIELDS[name](changed), FIELDS, report)


ABSENT = {
    **FIELDS,
    **{f"parameters[{key}]": _without_key("parameters", key) for key in ("groupby", "species", "tissue", "n_markers")},
    "all of it": _all,
}


@pytest.fixture(scope="module")
def full(plant):
    """Cells in a supported, a flagged and an unknown cluster, with decisions, and their report, which lacks nothing."""
    cells = plant((30, 30))
    cells.obs["cluster"] = cells.obs["cluster"].cat.add_categories("alone")
    cells.obs.loc["cell0", "cluster"] = "alone"
    gca.tl.annotate(cells, "cluster", tissue="blood")
    gca.tl.curate(cells, {"1": "pDC"}, who="Ada", why="LILRA4")
    cells.obsm["X_umap"] = cells.X[:, :2].toarray()
    report = _filled(gca.get.report(cells))
    flagged = attrs.evolve(report.clusters[1], status="flagged")
    return cells, attrs.evolve(report, clusters=(report.clusters[0], flagged, *report.clusters[2:]))


def test_nothing_is_absent_in_the_full_report(full):
    """What is taken away in the tests below was there, and the report is valid."""
    _, report = full
    assert [name for name in FIELDS if FIELDS[name](report) == report] == []
    assert _codec.from_json(_codec.to_json(report)) == report


def _undrawn(name):
    """How the names of the plots begin that read nothing of this part of a report; drawing takes long."""
    if not name.startswith(("clusters", "parameters", "audit", "all")):
        return ("pl.",)
    return ("pl.confidence of cells",) if name.count(".") > 1 else ()


@pytest.mark.parametrize("name", ABSENT)
def test_a_report_without_something_goes_everywhere(full, everywhere, name):
    """Review, page, plots, exports, tables and the command line take the report."""
    cells, report = full
    report = ABSENT[name](report)
    adata = cells.copy()
    adata.uns["gptca"] = {**adata.uns["gptca"], "report": _codec.to_json(report)}
    failed = everywhere(report, adata, skip=_undrawn(name))
    if name in CELLS_ARE_LOST:
        for error in failed.values():
            assert isinstance(error, (InputError, MissingKeyError)), error
    else:
        assert failed == {}
