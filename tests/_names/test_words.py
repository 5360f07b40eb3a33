"""Which slashes of a label join types and which join markers, and how far two words are apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._names.words import distance, nearest, parts_of
from gca_scanpy.db import _bundled

ONTOLOGY = _bundled.ontology()
NAIVE_CD4 = "naive thymus-derived CD4-positive, alpha-beta T cell"
NAIVE_CD8 = "naive thymus-derived CD8-positive, alpha-beta T cell"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("CD4+ CD45RA+ naive T", NAIVE_CD4),
        ("CD4+/CD45RA+ Naive T", NAIVE_CD4),
        ("CD4+ / CD45RA+ naive T cells", NAIVE_CD4),
        ("CD4+, CD45RA+ naive T", NAIVE_CD4),
        ("CD4+/CD45RA+/CD25- Naive T", NAIVE_CD4),
        ("CD4+/CD25-/CD45RA+ Naive T", NAIVE_CD4),
        ("CD4+/CD45RA+/CCR7+ naive T", NAIVE_CD4),
        ("CD4/CD45RA+ naive T", NAIVE_CD4),
        ("CD4pos/CD45RApos naive T", NAIVE_CD4),
        ("CD4(+)/CD45RA(+) naive T", NAIVE_CD4),
        ("CD4-positive/CD45RA-positive naive T", NAIVE_CD4),
        ("cd4⁺/cd45ra⁺ naive t", NAIVE_CD4),
        ("CD3+/CD4+/CD45RA+ naive T 2", NAIVE_CD4),
        ("Naive T (CD4+/CD45RA+)", NAIVE_CD4),
        ("CD8+/CD45RA+ naive T", NAIVE_CD8),
        ("CD8+/CCR7+ naive T", NAIVE_CD8),
        ("CD8+/CD45RA+ Naive Cytotoxic", NAIVE_CD8),
        ("CD4+/CD45RO+ Memory", "CD4-positive, alpha-beta memory T cell"),
        ("CD4+/CD25 T Reg", "CD4-positive, CD25-positive, alpha-beta regulatory T cell"),
        ("CD4+/CD25+ T reg", "CD4-positive, CD25-positive, alpha-beta regulatory T cell"),
        ("CD14+/CD16- monocyte", "classical monocyte"),
        ("CD56bright/CD16- NK", "CD16-negative, CD56-bright natural killer cell, human"),
        ("CD34+/CD38- HSC", "CD34-positive, CD38-negative hematopoietic stem cell"),
        ("EPCAM+/KRT8+ epithelial", "epithelial cell"),
        ("CD34+", "hematopoietic stem cell"),
    ],
)
def test_a_slash_between_markers_joins_no_types(label, name):
    """The markers say more of one type, so its other words, such as "naive", are not lost."""
    reading = ONTOLOGY.read(label, ["blood"])
    assert (reading.name, reading.candidates) == (name, ())


@pytest.mark.parametrize(
    ("label", "parts"),
    [
        ("NK/T", ["NK", "T"]),
        ("T-/NK-cells", ["T-", "NK-cells"]),
        ("NK-/T- cells", ["NK-", "T- cells"]),
        ("CD4+ T/NK", ["CD4+ T", "NK"]),
        ("CD4/CD8 T", ["CD4", "CD8 T"]),
        ("CD4+/CD8+ T", ["CD4+", "CD8+ T"]),
        ("CD4+/CD8A+ T", ["CD4+", "CD8A+ T"]),
        ("CD4-/CD8- T", ["CD4- CD8- T"]),
        ("CD4+/CD8- T", ["CD4+ CD8- T"]),
        ("CD4+/CD45RA+ naive T/NK", ["CD4+ CD45RA+ naive T", "NK"]),
        ("CD14+/FCGR3A- Mono, B", ["CD14+ FCGR3A- Mono", "B"]),
        ("HLA-DR+/CD1C+ DC", ["HLA-DR+ CD1C+ DC"]),
        ("double-positive/CD4+", ["double-positive", "CD4+"]),
        ("CD4+/", ["CD4+"]),
        ("/", []),
    ],
)
def test_the_parts_of_a_label(label, parts):
    """Types are parted; markers are not, unless no mature cell has both."""
    assert parts_of(label) == parts


@pytest.mark.parametrize(
    ("first", "second", "steps"),
    [
        ("", "", 0),
        ("a", "", 1),
        ("marow", "marrow", 1),
        ("brian", "brain", 1),
        ("kitten", "sitting", 3),
        ("ca", "ac", 1),
    ],
)
def test_the_steps_between_two_words(first, second, steps):
    """An inserted, deleted or replaced letter is one step, and so are two that are swapped."""
    assert distance(first, second) == distance(second, first) == steps


@given(st.text(max_size=12), st.text(max_size=12))
def test_the_distance_is_at_most_the_longer_word(first, second):
    """Equal words are 0 apart, others at least 1 and at most as far as the longer one is long."""
    steps = distance(first, second)
    assert (steps == 0) == (first == second)
    assert abs(len(first) - len(second)) <= steps <= max(len(first), len(second))


def test_the_nearest_names_come_first():
    """Names are sorted by their share of wrong letters; what agrees in less than half is left out."""
    assert nearest("kidny", ["liver", "kidneys", "kidney"]) == ["kidney", "kidneys"]
    assert nearest("", ["liver"]) == []
