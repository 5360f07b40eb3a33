"""Broad types, and which lineages exclude one another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._names.lineages import read_lineages
from gca_scanpy._names.ontology import Ontology, Term
from gca_scanpy.db import _bundled

LINEAGES = _bundled.lineages()
ONTOLOGY = _bundled.ontology()
ids = st.none() | st.sampled_from(sorted(ONTOLOGY.terms)) | st.just("CL:9999999")


def term(name):
    """Find the id of a name, which must be one."""
    found = ONTOLOGY.resolve(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "broad", "lineage"),
    [
        ("naive B cell", "B cell", "b"),
        ("regulatory T cell", "T cell", "t"),
        ("Kupffer cell", "macrophage", "myeloid"),
        ("neutrophil", "granulocyte", "granulocyte"),
        ("hepatocyte", "hepatocyte", "epithelial"),
        ("microglial cell", "microglial cell", "myeloid"),
    ],
)
def test_a_type_has_its_broad_type(name, broad, lineage):
    """A fine label is plotted and counted under the broad type that a biologist would give it."""
    assert LINEAGES.broad(term(name)).label == broad
    assert LINEAGES.lineage(term(name)) == lineage


@pytest.mark.parametrize("key", [None, "CL:0000000", "CL:9999999"])
def test_what_has_no_broad_type(key):
    """No label, the root of the ontology and an unknown id have neither broad type nor lineage."""
    assert LINEAGES.broad(key) is None
    assert LINEAGES.lineage(key) is None


@pytest.mark.parametrize(
    ("first", "second", "disjoint"),
    [
        ("T cell", "B cell", True),
        ("hepatocyte", "macrophage", True),
        ("endothelial cell", "fibroblast", True),
        ("B cell", "naive B cell", False),
        ("T cell", "natural killer cell", False),
        ("monocyte", "neutrophil", False),
        ("lymphocyte", "T cell", False),
        ("leukocyte", "B cell", False),
    ],
)
def test_which_types_contradict_each_other(first, second, disjoint):
    """T and B markers in one cluster are a contradiction; a type and its relative or a close lineage are not."""
    assert LINEAGES.disjoint(term(first), term(second)) is disjoint


def test_a_row_may_be_shown_as_another_broad_type():
    """A term without an ontology path to its broad type is shown as that type, and keeps its own lineage."""
    lineages = toy()
    assert lineages.broad("CL:6").label == "two"
    assert lineages.lineage("CL:6") == "c"


@given(ids, ids)
def test_disjoint_is_symmetric_and_nothing_contradicts_itself_or_the_unknown(first, second):
    """Contradiction does not depend on the order, and what is not known contradicts nothing."""
    assert LINEAGES.disjoint(first, second) == LINEAGES.disjoint(second, first)
    assert not LINEAGES.disjoint(first, first)
    assert not LINEAGES.disjoint(first, None)
    assert not LINEAGES.disjoint(first, "CL:9999999")


def test_the_bundled_tables_fit_the_ontology():
    """Every broad type is a current term under its current name, and every lineage is in the table of lineages."""
    assert {key: kind.label for key, kind in LINEAGES.broad_types.items()} == {
        key: ONTOLOGY.label(key) for key in LINEAGES.broad_types
    }
    assert {kind.broad_id for kind in LINEAGES.broad_types.values()} <= set(LINEAGES.broad_types)
    assert {kind.lineage for kind in LINEAGES.broad_types.values()} == set(LINEAGES.compatible)
    assert {other for others in LINEAGES.compatible.values() for other in others} <= set(LINEAGES.compatible)


def toy():
    """Make a term between two broad types, one nearer, and one with two equally near."""
    parents = {
        "CL:1": (),
        "CL:2": (),
        "CL:3": ("CL:1",),
        "CL:4": ("CL:3", "CL:2"),
        "CL:5": ("CL:2", "CL:1"),
        "CL:6": (),
    }
    ontology = Ontology("test", {key: Term(key, key, p) for key, p in parents.items()})
    broad = [
        "cl_id\tlabel\tlineage\tbroad_id\n",
        "CL:1\tone\ta\tCL:1\n",
        "CL:2\ttwo\tb\tCL:2\n",
        "CL:6\tsix\tc\tCL:2\n",
    ]
    return read_lineages(ontology, broad, ["lineage\tcompatible_with\n", "a\tb,c\n", "b\t\n"])


def test_the_nearest_broad_type_is_taken_and_of_two_the_earlier():
    """The choice follows the distance, then the order of the table, so it is the same in every run."""
    lineages = toy()
    assert [lineages.broad(key).label for key in ("CL:1", "CL:3", "CL:4", "CL:5")] == ["one", "one", "two", "one"]


def test_compatible_lineages_hold_both_ways():
    """A pair that is stated once holds in both directions; an unknown lineage excludes nothing."""
    lineages = toy()
    assert lineages.compatible == {"a": {"b", "c"}, "b": frozenset()}
    assert lineages.compatible_lineages("a", "b")
    assert lineages.compatible_lineages("b", "a")
    assert lineages.compatible_lineages("b", "b")
    assert lineages.compatible_lineages(None, "b")
    assert not lineages.compatible_lineages("b", "c")
