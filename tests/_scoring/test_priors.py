"""How usual a cell type is in a tissue."""

from __future__ import annotations

import pytest

from gca_scanpy._scoring.priors import ANY, Priors, read_priors
from gca_scanpy.db import _bundled

T_CELL, CD8, HEPATOCYTE, NEURON, AT1 = "CL:0000084", "CL:0000625", "CL:0000182", "CL:0000540", "CL:0002062"
TABLE = [
    "tissue\tgrade\tcl_id\n",
    f"any\tcommon\t{T_CELL}\n",
    f"any\toccasional\t{NEURON}\n",
    f"brain\tcommon\t{NEURON}\n",
    f"brain\toccasional\t{T_CELL}\n",
    f"liver\tcommon\t{HEPATOCYTE}\n",
    f"liver\tcommon\t{T_CELL}\n",
]


@pytest.mark.parametrize(
    ("cl_id", "tissues", "grade"),
    [
        (HEPATOCYTE, ["liver"], "common"),
        (T_CELL, ["brain"], "occasional"),
        (HEPATOCYTE, ["brain"], "rare"),
        (T_CELL, ["brain", "liver"], "common"),
        (T_CELL, ["liver", "brain"], "common"),
        (T_CELL, ("lung", "brain"), "occasional"),
        (HEPATOCYTE, ["brain", "lung"], "rare"),
        (T_CELL, [], "common"),
        (NEURON, (), "occasional"),
        (HEPATOCYTE, [], "rare"),
        (NEURON, ["liver"], "rare"),  # the rows of "any" are not used if there is a tissue
        (CD8, ["liver"], "rare"),  # the grade of a parent does not count
        ("CL:9999999", ["liver"], "rare"),
        (T_CELL, ["no such tissue"], "rare"),
    ],
)
def test_the_grade_of_a_type(cl_id, tissues, grade):
    """The best grade of several tissues counts, "any" stands for no tissue, and a type without a row is rare."""
    assert read_priors(TABLE).grade(cl_id, tissues) == grade


def test_the_table_is_read_with_and_without_line_ends():
    """Lines with and without a line end give the same priors, and a table without rows makes every type rare."""
    assert read_priors(iter(TABLE)) == read_priors([line.rstrip("\n") for line in TABLE])
    assert read_priors(TABLE[:1]) == Priors({})
    assert Priors({}).grade(T_CELL, ["liver"]) == "rare"


def test_the_bundled_table():
    """Each tissue of the vocabulary, and "any", has its grades: what is common in one organ is rare in another."""
    priors = _bundled.priors()
    assert set(priors.grades) == {*_bundled.tissues().canonical, ANY}
    assert priors.grade(AT1, ["lung"]) == "common"
    assert priors.grade(AT1, ["liver"]) == "rare"
    assert priors.grade(AT1, []) == "occasional"
    assert priors.grade(HEPATOCYTE, ["liver"]) == "common"
    assert priors.grade(HEPATOCYTE, ["lung", "liver"]) == "common"
    assert priors.grade(T_CELL, []) == "common"
    assert priors.grade("CL:0000815", ["kidney"]) == "occasional"  # regulatory T cell
    assert priors.grade("CL:0000129", ["blood"]) == "rare"  # microglial cell


def test_the_table_is_read_once():
    """The bundled table is read when it is first asked for, and kept."""
    assert _bundled.priors() is _bundled.priors()
