"""How terms lie to each other: order, relation, distance, and whether one leaves another open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._names.ontology import distance, leaves_open, relation, sort_key
from gca_scanpy.db import _bundled

LINEAGES, ONTOLOGY = _bundled.lineages(), _bundled.ontology()
terms = st.sampled_from(sorted(ONTOLOGY.terms))


def term(name):
    """Find the id of a name, which must be one."""
    found = ONTOLOGY.resolve(name)
    assert found is not None
    return found


def names(ids):
    """Name the terms."""
    return [ONTOLOGY.label(key) for key in ids]


def test_kin_stand_together():
    """Types of one broad type are neighbors, a type before those below it, and None is last."""
    mixed = ["monocyte", "naive B cell", "T cell", "B cell", "regulatory T cell", "memory B cell"]
    found = sorted([None, *(term(name) for name in mixed)], key=lambda one: sort_key(one, LINEAGES))
    assert found[-1] is None
    assert names(found[:2]) == ["T cell", "regulatory T cell"]
    assert names(found[2:5])[0] == "B cell"
    assert set(names(found[3:5])) == {"naive B cell", "memory B cell"}


@given(terms)
def test_a_type_comes_before_what_is_below_it(one):
    """Within a broad type, an ancestor comes before those below it that descend from it alone."""
    parents = ONTOLOGY.terms[one].parents
    if len(parents) == 1 and LINEAGES.broad(parents[0]) == LINEAGES.broad(one) is not None:
        assert sort_key(parents[0], LINEAGES) < sort_key(one, LINEAGES)


@pytest.mark.parametrize(
    ("first", "second", "expected", "steps"),
    [
        ("B cell", "B cell", "exact", 0),
        ("B cell", "naive B cell", "kin", None),
        ("regulatory T cell", "T cell", "kin", 2),
        ("monocyte", "dendritic cell", "lineage", None),
        ("B cell", "hepatocyte", "unrelated", None),
        ("B cell", None, "no term", None),
    ],
)
def test_relations(first, second, expected, steps):
    """Each pair of types is related as a biologist would say."""
    a, b = term(first), term(second) if second else None
    assert relation(a, b, LINEAGES) == expected
    if steps is not None:
        assert distance(a, b, LINEAGES) == steps


@given(terms, terms)
def test_relation_and_distance_are_mutual(first, second):
    """Both are the same from either side; distance 0 is the same term, and kin are as far as the ontology says."""
    assert relation(first, second, LINEAGES) == relation(second, first, LINEAGES)
    steps = distance(first, second, LINEAGES)
    assert steps == distance(second, first, LINEAGES)
    assert (steps == 0) == (first == second)
    if second in ONTOLOGY.ancestors(first):
        assert steps <= ONTOLOGY.ancestors(first)[second]


def test_an_unknown_id_is_no_term():
    """An id that the ontology does not have is related to nothing."""
    assert relation("CL:9999999", "CL:9999999", LINEAGES) == "no term"
    assert distance("CL:9999999", "CL:0000236", LINEAGES) is None


def test_types_that_a_cell_can_be_at_once():
    """A memory T cell may be a CD8 T cell, because there is a type below both; a CD4 T cell may not."""
    cd8, cd4, memory, t = (ONTOLOGY.resolve(label) for label in ("CD8 T", "CD4 T", "memory T cell", "T cell"))
    assert [term for term in (memory, t, cd4, cd8) if leaves_open(term, cd8, LINEAGES)] == [memory, t]
    assert not leaves_open(cd8, t, LINEAGES)
