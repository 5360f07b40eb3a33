"""Short names of types."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError

ONTOLOGY, SHORT = _bundled.ontology(), _bundled.short_names()
TISSUES = dict(_bundled.database().facts.groupby("cl_id")["tissue"].first().str.split(";"))
LONGEST = 19


def test_every_type_has_a_short_name():
    """The types of the database, and no others, have one that fits a legend."""
    assert SHORT.keys() == TISSUES.keys()
    assert {name for name in SHORT.values() if not 0 < len(name.strip()) == len(name) <= LONGEST} == set()


def test_no_two_short_names_look_alike():
    """They differ without case and punctuation, over all tissues."""
    alike = defaultdict(list)
    for term, name in SHORT.items():
        alike["".join(c for c in name.casefold() if c.isalnum())].append(term)
    assert [terms for terms in alike.values() if len(terms) > 1] == []


def test_a_short_name_is_read_as_its_term():
    """In each tissue of the type, and without a tissue for a general type."""
    wrong = []
    for term, name in SHORT.items():
        for tissue in TISSUES[term]:
            found = ONTOLOGY.resolve(name, [] if tissue == "general" else [tissue])
            wrong += [] if found == term else [(name, tissue, found)]
    assert wrong == []


def test_the_short_name_of_a_general_type_means_no_other_type():
    """In every tissue it is the type, a kind of it, or one of several candidates."""
    wrong = []
    for term in (term for term, tissues in TISSUES.items() if "general" in tissues):
        found = {tissue: ONTOLOGY.resolve(SHORT[term], [tissue]) for tissue in _bundled.tissues().canonical}
        wrong += [(SHORT[term], tissue, other) for tissue, other in found.items() if other not in (term, None)]
    assert wrong == []


@pytest.mark.parametrize(
    ("term", "name"),
    [
        ("CL:0000913", "CD8 Tem"),
        ("CL:0002399", "cDC2"),
        ("CL:0002063", "AT2"),
        ("CL:1001106", "TAL"),
        ("CL:0002306", "PT"),
        ("CL:0000815", "Treg"),
        ("CL:0000057", "Fib"),
        ("CL:1000398", "LSEC"),
        ("CL:0000121", "Purkinje"),
        ("CL:0009101", "FRC"),
        ("CL:0002099", "ZG"),
        ("CL:4072003", "MOL"),
        ("CL:4052031", "RASC"),
    ],
)
def test_names_that_labs_write(term, name):
    """Well-known types have the field's names."""
    assert gca.names.short(term) == name


def test_many_ids():
    """A list, a tuple and a generator give a list; missing values stay missing."""
    ids = ["CL:0002063", None, np.nan, pd.NA, "CL:0002063"]
    expected = ["AT2", None, None, None, "AT2"]
    assert gca.names.short(ids) == gca.names.short(tuple(ids)) == gca.names.short(term for term in ids) == expected
    assert gca.names.short(None) is None
    assert gca.names.short([]) == []


@pytest.mark.parametrize("dtype", [object, "category"])
def test_a_column(dtype):
    """A column keeps its index and name."""
    ids = pd.Series(["CL:0002063", np.nan, "CL:1001106"], index=list("abc"), name="term", dtype=dtype)
    expected = pd.Series(["AT2", None, "TAL"], index=list("abc"), name="term", dtype=object)
    pd.testing.assert_series_equal(gca.names.short(ids), expected)


def test_a_term_that_the_database_does_not_have():
    """It keeps its own name, because an ancestor's would make two types alike."""
    others = [term for term in ONTOLOGY.terms if term not in SHORT]
    assert gca.names.short(others[0]) == ONTOLOGY.label(others[0])


@pytest.mark.parametrize("ids", ["CL:9999999", "B cell", "", ["CL:0000236", "cl"], [3], [["CL:0000236"]]])
def test_unknown_ids(ids):
    """What is no id of a term is an error that says what to pass."""
    with pytest.raises(InputError, match="is not a term of the bundled Cell Ontology"):
        gca.names.short(ids)


@pytest.mark.parametrize("ids", [3, b"CL:0000236", pd.DataFrame({"a": ["CL:0000236"]})])
def test_what_is_no_list_of_ids(ids):
    """A number, bytes or a table is refused."""
    with pytest.raises(InputError, match="pass a Cell Ontology id"):
        gca.names.short(ids)


def test_a_column_of_many_cells(monkeypatch):
    """Each of its ids is looked up once."""
    seen = []
    of = type(_bundled.shortener()).of
    monkeypatch.setattr(type(_bundled.shortener()), "of", lambda self, term: seen.append(term) or of(self, term))
    ids = pd.Series(["CL:0002063", None, "CL:1001106"] * 1000)
    assert gca.names.short(ids).value_counts().to_dict() == {"AT2": 1000, "TAL": 1000}
    assert sorted(seen) == ["CL:0002063", "CL:1001106"]


@pytest.mark.parametrize("ids", [[["CL:0000236"]], ["CL:0000236", 3]])
def test_a_column_of_something_else(ids):
    """A column of lists or numbers is refused as a list of them is."""
    with pytest.raises(InputError, match="is not a term of the bundled Cell Ontology"):
        gca.names.short(pd.Series(ids, dtype=object))
