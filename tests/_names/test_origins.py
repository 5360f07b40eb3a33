"""Names of species and tissues."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._names.genes import SPECIES
from gca_scanpy._names.origins import Reading, read_tissues
from gca_scanpy.db import _bundled

TABLE = _bundled.species()
TISSUES = _bundled.tissues()


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
        ("UBERON:0000178", ("blood",)),
        ("uberon_0002371", ("bone marrow",)),
        ("http://purl.obolibrary.org/obo/UBERON_0000966", ("eye",)),
        ("UBERON:0000160", ("small intestine", "large intestine")),
        ("cortex of kidney (UBERON:0001225)", ("kidney",)),
        ("Homo_sapiens_lung", ("lung",)),
        ("head and neck", ("airway", "salivary gland", "tongue")),
        ("islets", ("pancreas",)),
        ("Islets of Langerhans", ("pancreas",)),
        ("BAL", ("lung", "airway")),
        ("blood, UBERON:0002048", ("blood", "lung")),
        ("UBERON:0002048; PBMC", ("lung", "blood")),
        ("blood/UBERON:0002048", ("blood", "lung")),
        ("blood and http://purl.obolibrary.org/obo/UBERON_0002048", ("blood", "lung")),
        ("BAL fluid", ("lung", "airway")),
        ("nasal swab", ("airway",)),
        ("bronchial brushings", ("airway",)),
        ("sputum", ("airway",)),
        ("CSF", ("blood", "brain")),
        ("spinal fluid", ("blood", "brain")),
        ("tdLN", ("lymph node",)),
        ("BMNCs", ("bone marrow",)),
        ("UBERON:0001004", ("lung", "airway")),
        ("UBERON:0008367", ("breast",)),
        ("NSCLC", ("lung",)),
        ("non-small cell lung cancer", ("lung",)),
        ("HNSCC", ("airway", "salivary gland", "tongue")),
        ("head and neck squamous cell carcinoma", ("airway", "salivary gland", "tongue")),
        ("lung adenocarcinoma", ("lung",)),
        ("PDAC", ("pancreas",)),
        ("HCC", ("liver",)),
        ("GBM", ("brain",)),
        ("CRC", ("large intestine",)),
        ("melanoma", ("skin",)),
        ("uveal melanoma", ("eye",)),
        ("ccRCC", ("kidney",)),
        ("TNBC", ("breast",)),
        ("AML", ("blood", "bone marrow")),
        ("breast cancers", ("breast",)),
        ("tumor of colon", ("large intestine",)),
        ("tumour of the liver", ("liver",)),
        ("metastatic melanoma, lymph node", ("skin", "lymph node")),
        ("fetal liver", ("embryo", "liver")),
        ("kidney organoids", ("kidney",)),
        ("human brain cortex", ("brain",)),
        ("kidney cortex nuclei", ("kidney",)),
        ("cortex of kidney", ("kidney",)),
        ("cardiac tissue", ("heart",)),
        ("E14.5 forebrain", ("brain",)),
        ("CD45+ lung", ("lung",)),
        ("blood,bone marrow", ("blood", "bone marrow")),
        ("blood and bone marrow", ("blood", "bone marrow")),
        ("blood / bone-marrow", ("blood", "bone marrow")),
        ("blood, vessel", ("blood", "blood vessel")),
    ],
)
def test_the_ways_of_writing_a_tissue(text, tissues):
    """Case, hyphens, plurals, other names and names within a text give the tissues of the database."""
    assert TISSUES.resolve(text) == tissues
    assert TISSUES.read(text) == Reading(tissues)


def test_a_text_may_name_two_tissues():
    """``fetal liver`` is liver and embryo."""
    assert set(TISSUES.resolve("Fetal liver")) == {"liver", "embryo"}


@pytest.mark.parametrize("text", ["", "  ", "xyz", "heartland", "unlunged", "12", "(", ".*"])
def test_what_names_no_tissue(text):
    """A text without a tissue gives none: parts of words do not count."""
    assert TISSUES.resolve(text) == ()
    assert TISSUES.read(text) == Reading(())


@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        ("bone marow", "bone marrow"),
        ("bone marows", "bone marrow"),
        ("bonemarrow", "bone marrow"),
        ("blood vesel", "blood vessel"),
        ("human bone marow", "bone marrow"),
        ("lymphnode", "lymph node"),
        ("kidny", "kidney"),
        ("blod", "blood"),
        ("brian", "brain"),
        ("skelettal muscle", "skeletal muscle"),
        ("fetal livr", "fetal liver"),
        ("blood, bone marow", "blood, bone marrow"),
        ("blood plasma", "blood"),
        ("CD8 T cells of blood", "blood"),
    ],
)
def test_a_misspelled_tissue_is_the_nearest_whole_name(text, corrected):
    """A slip of the keyboard is corrected to the nearest whole name, never to the part that is spelled correctly.

    A word that is like none of the vocabulary is left out, and that is said, too.
    """
    assert TISSUES.read(text) == Reading(TISSUES.resolve(corrected), corrected)
    assert TISSUES.resolve(corrected)


@pytest.mark.parametrize(
    "text",
    ["bone marrrrrow", "tumor", "cancer of unknown primary", "xlung", "UBERON:9999999", "lung UBERON:9999999", "BRCX"],
)
def test_a_word_that_is_not_understood(text):
    """A text without a known name, or with a word that may be a misspelled one, names no tissue."""
    assert TISSUES.read(text).tissues == ()


def test_no_id_and_no_name_is_of_another_organ_by_mistake():
    """An UBERON id belongs to one tissue, or to a pair that the vocabulary names together."""
    shared = {
        name: tissues for name, tissues in TISSUES.names.items() if name.startswith("uberon:") and len(tissues) > 1
    }
    assert set(shared.values()) <= {("small intestine", "large intestine"), ("lung", "airway"), ("blood", "brain")}
    ids = [name for name in TISSUES.names if name.startswith("uberon:")]
    assert [name for name in ids if not re.fullmatch(r"uberon:\d{7}", name)] == []
    assert len(ids) > 150


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
    tissues = read_tissues(["h\n", "small bowel\tUBERON:1,UBERON:2\tgut, Ileum\n", "large-bowel\tUBERON:3\tgut\n"])
    assert tissues.names["uberon:2"] == ("small bowel",)
    assert tissues.resolve("GUT") == ("small bowel", "large-bowel")
    assert tissues.resolve("ileum") == ("small bowel",)
    assert tissues.resolve("large bowel") == ("large-bowel",)
    assert tissues.canonical == ("small bowel", "large-bowel")
