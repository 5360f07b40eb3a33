"""How terms lie to each other: order, relation, distance, and the tree of some of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._names.ontology import ROOT, distance, relation, sort_key, tree
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


def test_the_tree_has_only_what_joins():
    """Blood hangs below its common ancestor; a broad type that joins nothing is left out."""
    ids = [term(name) for name in ("regulatory T cell", "CD8-positive, alpha-beta T cell", "B cell", "hepatocyte")]
    found = [(ONTOLOGY.label(node.term), node.depth) for node in tree(ids, LINEAGES)]
    assert found[0] == ("cell", 0)
    assert found[1] == ("leukocyte", 1)
    assert found[2] == ("T cell", 2)
    assert {found[3], found[4]} == {("regulatory T cell", 3), ("CD8-positive, alpha-beta T cell", 3)}
    assert found[5:] == [("B cell", 2), ("hepatocyte", 1)]
    assert [ONTOLOGY.label(node.term) for node in tree(ids[:1], LINEAGES)] == ["regulatory T cell"]
    assert tree([], LINEAGES) == []


@given(st.lists(terms, min_size=1, max_size=25, unique=True))
def test_the_tree_is_a_tree(some):
    """Every term is there once, each node hangs below a true ancestor, and what no one asked for joins branches."""
    nodes = tree(some, LINEAGES)
    found = [node.term for node in nodes]
    assert len(set(found)) == len(found)
    assert set(some) <= set(found)
    above: dict[int, str] = {}
    children: dict[str, int] = {}
    for node in nodes:
        if node.depth:
            parent = above[node.depth - 1]
            children[parent] = children.get(parent, 0) + 1
            assert parent in (ROOT, *ONTOLOGY.ancestors(node.term))
        above[node.depth] = node.term
    assert all(children.get(term, 0) > 1 for term in found if term not in some)
