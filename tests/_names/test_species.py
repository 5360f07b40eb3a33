"""Species, by their names and taxon ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._names.genes import SPECIES
from gca_scanpy.db import _bundled

TABLE = _bundled.species()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("human", "human"),
        ("Human", "human"),
        ("Homo sapiens", "human"),
        ("homo_sapiens", "human"),
        ("Homo-sapiens", "human"),
        ("H. sapiens", "human"),
        ("hsapiens", "human"),
        ("hs", "human"),
        ("NCBITaxon:9606", "human"),
        ("NCBITaxon_9606", "human"),
        ("http://purl.obolibrary.org/obo/NCBITaxon_9606", "human"),
        ("taxid:9606", "human"),
        ("9606", "human"),
        (9606, "human"),
        ("Homo sapiens (human)", "human"),
        ("mouse", "mouse"),
        ("mice", "mouse"),
        ("Mus musculus", "mouse"),
        ("mmusculus", "mouse"),
        ("Mus musculus domesticus", "mouse"),
        ("rattus_norvegicus", "rat"),
        ("Rat", "rat"),
        ("Macaca mulatta", "rhesus macaque"),
        ("macaque", "rhesus macaque"),
        ("rhesus", "rhesus macaque"),
        ("cynomolgus", "cynomolgus macaque"),
        ("Macaca_fascicularis", "cynomolgus macaque"),
        ("marmoset", "marmoset"),
        ("pig", "pig"),
        ("Sus scrofa", "pig"),
        ("dog", "dog"),
        ("Canis lupus familiaris", "dog"),
        ("Canis familiaris", "dog"),
        ("cow", "cow"),
        ("Bos taurus", "cow"),
        ("sheep", "sheep"),
        ("goat", "goat"),
        ("horse", "horse"),
        ("rabbit", "rabbit"),
        ("ferret", "ferret"),
        ("guinea pig", "guinea pig"),
        ("Cavia porcellus", "guinea pig"),
        ("hamster", "golden hamster"),
        ("chimp", "chimpanzee"),
        ("Gorilla gorilla gorilla", "gorilla"),
        ("cat", "cat"),
        ("bat", "bat"),
    ],
)
def test_the_ways_of_writing_a_species(text, name):
    """Common and Latin names, short forms, subspecies and taxon ids, in any case and with any separator."""
    assert TABLE.find(text).name == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "human/mouse",
        "9606/10090",
        "zebrafish",
        "Danio rerio",
        "chicken",
        "Arabidopsis",
        "7955",
        "NCBITaxon:",
        None,
        True,
        1.5,
        ["human"],
    ],
)
def test_what_is_no_species_here(text):
    """Fish, birds and plants, and what is no name, give none."""
    assert TABLE.find(text) is None


def test_the_relative_of_each_species():
    """Rodents are read as mouse, the others as human, and these two as themselves."""
    of_mouse = {row.name for row in TABLE.rows.values() if row.genes_of == "mouse"}
    assert {"mouse", "rat", "golden hamster", "guinea pig"} <= of_mouse
    assert {"human", "rhesus macaque", "pig", "dog", "rabbit", "mouse lemur"}.isdisjoint(of_mouse)
    assert {row.genes_of for row in TABLE.rows.values()} == set(SPECIES)
    assert {row.name for row in TABLE.rows.values() if row.is_described} == set(SPECIES)
    assert TABLE.names[:2] == SPECIES


def test_a_misspelled_species_gets_the_nearest():
    """The message for ``humn`` can say human."""
    assert TABLE.nearest("humn")[0] == "human"
    assert TABLE.nearest("macaca mulata")[0] == "rhesus macaque"


@given(st.text())
def test_no_text_fails(text):
    """Any text gives a row of the table, or none."""
    assert TABLE.find(text) in (None, *TABLE.rows.values())
