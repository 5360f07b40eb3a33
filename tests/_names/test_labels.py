"""Labels to terms, and terms to short names, because of which no two types look alike."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._names.labels import is_abstention, look, read_label
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError

SHORT = _bundled.shortener()
AT2, B_CELL, PDC, TREG = "CL:0002063", "CL:0000236", "CL:0000784", "CL:0000815"
NO_SHORT = "CL:0001054"  # CD14-positive monocyte is no type of the database


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pDC", ("plasmacytoid dendritic cell", "CL:0000784")),
        ("  b   CELLS ", ("B cell", "CL:0000236")),
        ("CL:0000236", ("B cell", "CL:0000236")),
        ("cl_0000236", ("B cell", "CL:0000236")),
        ("B cell (CL:0000236)", ("B cell", "CL:0000236")),
        ("activated B cell of mine (CL:0000236)", ("activated B cell of mine", "CL:0000236")),
        ("my [very] own type", ("my [very] own type", None)),
        ("qu\x00ux\ud800z", ("quuxz", None)),
        ("  Fib_2 of mine", ("Fib_2 of mine", "CL:0000057")),
    ],
)
def test_a_label_is_a_term_or_words(text, expected):
    """Names and ids give the term; words that say more than the term stay; what is no term has none."""
    assert read_label(text, _bundled.ontology()) == expected


@pytest.mark.parametrize(
    ("text", "message"), [(" \n ", "label is empty"), ("T cell (CL:9999999)", "CL:9999999 is not a term")]
)
def test_a_label_that_is_none(text, message):
    """Nothing, and an id that the ontology lacks, are refused."""
    with pytest.raises(InputError, match=message):
        read_label(text, _bundled.ontology())


def _label(term):
    return SHORT.ontology.label(term), term


def _texts(*labels):
    shown = SHORT.shown(labels)
    return [shown[label] for label in labels]


def test_types_have_their_short_names():
    """A term gives its short name whatever its label is; without a term, the label stays."""
    labels = [_label(AT2), ("B lymphocyte", B_CELL), _label(NO_SHORT), ("my type", None), ("x", "CL:9999999")]
    assert _texts(*labels) == ["AT2", "B cell", "CD14-positive monocyte", "my type", "x"]


@pytest.mark.parametrize("own", ["AT2", "at-2", "A.T.2", "AT 2", "ＡＴ２"])
def test_an_own_type_that_looks_like_a_short_name(own):
    """Both keep their labels, and the other types stay short."""
    labels = [_label(AT2), (own, None), _label(PDC)]
    assert _texts(*labels) == ["pulmonary alveolar type 2 cell", own, "pDC"]


def test_a_label_in_full_that_looks_like_another_short_name():
    """What is restored may clash with a further short name, which is then restored as well."""
    labels = [_label(AT2), ("AT2", None), ("pulmonary alveolar type 2 cell", PDC), ("pDC!", TREG)]
    assert _texts(*labels) == [label for label, _ in labels[:2]] + ["pDC", "Treg"]
    labels = [("Treg", AT2), ("at2", None), _label(TREG)]
    assert _texts(*labels) == ["Treg", "at2", "regulatory T cell"]


def test_two_labels_of_one_term():
    """In one part of a figure, own words stay apart from the type; in two parts, both mean the type."""
    labels = [("Tumor B", B_CELL), _label(B_CELL)]
    assert _texts(*labels) == ["Tumor B", "B cell"]
    assert _texts(("Tumor B", B_CELL), ("Normal B", B_CELL)) == ["Tumor B", "Normal B"]
    rows, columns = [("CD19+ B", B_CELL)], [_label(B_CELL)]
    assert SHORT.shown(rows, columns) == {rows[0]: "B cell", columns[0]: "B cell"}
    assert SHORT.shown(rows, [*rows, *columns])[rows[0]] == "CD19+ B"


TERMS = [AT2, B_CELL, PDC, TREG, NO_SHORT, "CL:0000084", "CL:0000913", "CL:9999999"]
NAMES = [name for term in TERMS[:-1] for name in (SHORT.of(term), SHORT.ontology.label(term))]
WRITTEN = st.sampled_from([str, str.upper, str.lower, "-{}".format, "{}.".format, lambda name: name.replace(" ", "_")])
LABELS = st.tuples(
    st.builds(lambda write, name: write(name), WRITTEN, st.sampled_from([*NAMES, "my type", "Unknown or Novel", ""])),
    st.sampled_from([None, *TERMS]),
)


@given(st.lists(st.lists(st.one_of(LABELS, st.sampled_from(TERMS[:-1]).map(_label)), max_size=8), max_size=3))
def test_shortening_never_makes_types_look_alike(parts):
    """Two types, or two labels in one part, look alike only if their labels in full do, and then these are shown."""
    shown = SHORT.shown(*parts)
    assert set(shown) == {label for part in parts for label in part}
    for one, two in combinations(shown, 2):
        is_one_type = one[1] is not None and one[1] == two[1] and not any({one, two} <= set(part) for part in parts)
        if look(shown[one]) == look(shown[two]) and not is_one_type:
            assert (shown[one], look(one[0])) == (one[0], look(two[0])) or _are_names_of_one_term(one, two, shown)
    for (text, term), name in shown.items():
        assert name == text or (term is not None and name == SHORT.of(term))


def _are_names_of_one_term(one, two, shown):
    """The name of the ontology may stay short beside own words that look like the short name anyway ("b-cell")."""
    own = [label for label in (one, two) if shown[label] == label[0]]
    return one[1] == two[1] is not None and len(own) == 1


@given(st.lists(st.text(max_size=6), unique=True))
def test_labels_without_terms_stay(texts):
    """Any text of the user is shown as it is."""
    labels = [(text, None) for text in texts]
    assert _texts(*labels) == texts


@pytest.mark.parametrize(
    "label",
    "Unknown|unknown cells|UNASSIGNED|Unassigned_3|not assigned|Ambiguous|Doublet|T/B doublets|Low quality|low-quality "
    "cells|Unknown or Novel|nan|NA|None|-|?||rejected|Other|Multiplets|Heterogeneous".split("|"),
)
def test_labels_that_give_no_type(label):
    """A tool that gives a cell no single type abstains."""
    assert is_abstention(label)


@pytest.mark.parametrize(
    "label", ["T cell", "Unknown T cell", "Node3", "blob", "other lymphocytes", "Mixed B cell", "3"]
)
def test_labels_that_are_no_abstention(label):
    """A label with a type, or one that nobody can read, is none."""
    assert not is_abstention(label)
