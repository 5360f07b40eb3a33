"""What public marker tables mean by their names."""

import pytest

from gca_scanpy._names.labels import read_source_names, squeeze
from gca_scanpy.db import _bundled

LINES = [
    "source\ttissue\tname\tcl_id",
    "one\t\tGuard cells\tCL:0000236",
    "one\tlung\tGuard cell\tCL:0000084",
    "one\t\tRest\t",
    "two\t\tguard-cell\tCL:0000236",
    "two\t\tOnly two\tCL:0000540",
    "two\t\tB cell\tCL:0000788",
]


@pytest.fixture
def names():
    """A small table of names over the bundled ontology."""
    return read_source_names(LINES, _bundled.ontology())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Fibro blasts-like cells", "fibroblast like cell"),
        ("β cells", "Beta cell"),
        ("CD4+ T cells", "CD4 positive T-cell"),
        ("CD16- monocyte", "CD16 negative monocytes"),
        ("Natural killer cells", "NK cell"),
        ("Bowman’s gland", "bowmans gland"),
        ("Purkinje\xa0neurons", "purkinje neuron"),
        ("Bodies of follicles", "body of follicle"),
    ],
)
def test_spellings_of_one_name(one, other):
    """Case, blanks, hyphens, plurals, Greek letters and signs do not tell two names apart."""
    assert squeeze(one) == squeeze(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("CD16+ monocyte", "CD16- monocyte"), ("T cell", "B cell"), ("thymus", "thymu"), ("cell", "")],
)
def test_names_that_differ(one, other):
    """What changes the meaning stays."""
    assert squeeze(one) != squeeze(other)


def test_a_row_of_the_table_outranks_all(names):
    """The row of the tissue, then the row of any tissue, then the id that is given, then the ontology's own name."""
    assert names.find("guard cells", "one", " LUNG ") == "CL:0000084"
    assert names.find("guard cells", "one", "liver") == "CL:0000236"
    assert names.find("guard cells", "one", given="CL:0000084") == "CL:0000236"
    assert names.find("B cells", "two") == "CL:0000788"
    assert names.find("B cells", "one", given="CL:0000084") == "CL:0000084"
    assert names.find("B cells", "one", given="CL:9999999") == "CL:0000236"


def test_left_out_and_unknown_are_two_things(names):
    """An empty id leaves a name out on purpose; a name that nobody knows is None."""
    assert names.find("rest", "one") == ""
    assert names.find("rest", "two") is None
    assert names.find("my blob", "one") is None


def test_other_files_mean_what_the_tables_mean(names):
    """A gene set may have the name of a public table, where all tables mean the same by it."""
    assert names.find("Only_two") == "CL:0000540"
    assert names.find("guard cell") is None  # a T cell in the lung
    assert names.find("B cell") == "CL:0000236"  # the ontology comes first


def test_every_id_of_the_packaged_table_is_current():
    """No row points to a term that is obsolete or misspelt, and none is there twice."""
    lines = _bundled._lines("source_names.tsv")
    names = _bundled.source_names()
    assert set(names.rows.values()) - {""} <= set(_bundled.ontology().terms)
    assert len(lines) == len(set(lines))
    assert {source for source, _, _ in names.rows} == {"cellmarker2", "celltypist", "panglaodb", "sctype"}
