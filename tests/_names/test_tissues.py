"""Tissue names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._names.tissues import read_tissues
from gca_scanpy.db import _bundled

TISSUES = _bundled.tissues()


@pytest.mark.parametrize(
    ("text", "tissues"),
    [
        ("blood", ("blood",)),
        ("PBMC", ("blood",)),
        (" Bone_Marrow ", ("bone marrow",)),
        ("bone-marrow aspirate", ("bone marrow",)),
        ("bones", ("bone",)),
        ("human kidneys", ("kidney",)),
        ("renal cortex", ("kidney",)),
        ("gut", ("small intestine", "large intestine")),
        ("Left Ventricle", ("heart",)),
        ("colon cancer", ("large intestine",)),
    ],
)
def test_the_ways_of_writing_a_tissue(text, tissues):
    """Case, hyphens, plurals, other names and names within a text give the tissues of the database."""
    assert TISSUES.resolve(text) == tissues


def test_a_text_may_name_two_tissues():
    """``fetal liver`` is liver and embryo."""
    assert set(TISSUES.resolve("Fetal liver")) == {"liver", "embryo"}


@pytest.mark.parametrize("text", ["", "  ", "xyz", "heartland", "unlunged", "12", "(", ".*"])
def test_what_names_no_tissue(text):
    """A text without a tissue gives none: parts of words do not count."""
    assert TISSUES.resolve(text) == ()


@given(st.text())
def test_any_text_gives_known_tissues(text):
    """No text fails, and only tissues of the database come back, each once."""
    found = TISSUES.resolve(text)
    assert set(found) <= set(TISSUES.canonical)
    assert len(set(found)) == len(found)


def test_every_name_of_the_vocabulary_is_found():
    """Each tissue is its own name, in any case."""
    assert [t for t in TISSUES.canonical if t not in TISSUES.resolve(t.upper())] == []


def test_a_misspelt_tissue_gets_the_nearest_names():
    """The message for ``kidny`` can say ``kidney``; what is like none has no nearest."""
    assert TISSUES.nearest("kidny")[0] == "kidney"
    assert TISSUES.nearest("Bone marow")[0] == "bone marrow"
    assert TISSUES.nearest("qqqq") == []


def test_the_vocabulary_is_read_by_column():
    """A name that stands at two tissues means both."""
    tissues = read_tissues(["h\n", "small bowel\tU:1\tgut, Ileum\n", "large-bowel\tU:2\tgut\n"])
    assert tissues.resolve("GUT") == ("small bowel", "large-bowel")
    assert tissues.resolve("ileum") == ("small bowel",)
    assert tissues.resolve("large bowel") == ("large-bowel",)
    assert tissues.canonical == ("small bowel", "large-bowel")
