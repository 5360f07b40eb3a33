"""The tables of names and of words."""

from __future__ import annotations

from collections import defaultdict

import pytest

from gca_scanpy._names.vocabulary import read_names
from gca_scanpy._names.words import read_lexicon
from gca_scanpy.db import _bundled

ONTOLOGY = _bundled.ontology()


def test_every_row_of_the_names_is_of_a_current_term_and_a_known_tissue():
    """A row without a term says that the name says too little."""
    tissues = set(_bundled.tissues().canonical)
    assert len(ONTOLOGY.names) > 2_000
    assert [row for row in ONTOLOGY.names if row.term and row.term not in ONTOLOGY] == []
    assert [row for row in ONTOLOGY.names if row.tissue and row.tissue not in tissues] == []


def test_no_name_has_two_terms_in_one_tissue():
    """Two spellings that are read alike are the same name."""
    terms = defaultdict(set)
    for row in ONTOLOGY.names:
        terms[ONTOLOGY.lexicon.name(row.name), row.tissue].add(row.term)
    assert {key: found for key, found in terms.items() if len(found) > 1} == {}


def test_every_name_is_read_as_its_row_says():
    """In its tissue, each name gives its term, unless it is the label of another term."""
    wrong = []
    for row in ONTOLOGY.names:
        label = ONTOLOGY.resolver.vocabulary.label(row.name)
        if row.term and label in (None, row.term):
            found = ONTOLOGY.resolve(row.name, [row.tissue] if row.tissue else [])
            wrong += [] if found == row.term else [(row.name, row.tissue, found)]
    assert wrong == []


def test_words_mean_one_thing():
    """No word is both noise and a state, and an abbreviation does not stand for itself."""
    lexicon = ONTOLOGY.lexicon
    assert not lexicon.noise & set(lexicon.states)
    assert [word for word, meaning in lexicon.same.items() if meaning == (word,)] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CD4+ T cells", "CD4-positive T-cell"),
        ("T cell CD4+", "CD4+ T cell"),
        ("tumour", "tumor"),
        ("type II", "type 2"),
        ("villi", "villus"),
        ("CD16(-) monocytes", "CD16-negative monocyte"),
        ("CD56hi NK", "CD56-high NK"),
        ("L5/6 NP", "L5.6 NP"),
    ],
)
def test_spellings_of_one_name(one, other):
    """Both sides of the table are read by the same words."""
    assert ONTOLOGY.lexicon.name(one) == ONTOLOGY.lexicon.name(other)


@pytest.mark.parametrize(("one", "other"), [("CD4+ T", "CD4- T"), ("B-1 cell", "B cell 1"), ("pro-B", "pre-B")])
def test_names_that_differ(one, other):
    """A sign, and whether a number belongs to the name, make a difference."""
    assert ONTOLOGY.lexicon.name(one) != ONTOLOGY.lexicon.name(other)


def test_the_tables_are_read_by_column():
    """A header, then a row a line."""
    (row,) = read_names(["name\tcl_id\ttissue\tused_by\n", "PC\tCL:1\tkidney\tKPMP\n"])
    assert (row.name, row.term, row.tissue) == ("PC", "CL:1", "kidney")
    lexicon = read_lexicon(
        ["word\tkind\tmeaning", "fib\tsame\tfibroblast", "cycling\tstate\tproliferation", "cell\tnoise\t"]
    )
    assert lexicon.name("Fib cells") == ("fibroblast",)
