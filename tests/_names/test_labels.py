"""Labels that curators type, to terms."""

from __future__ import annotations

import pytest

from gca_scanpy._names.labels import read_label
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError


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
