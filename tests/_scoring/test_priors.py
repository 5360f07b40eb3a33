"""How usual a cell type is in a tissue."""

from __future__ import annotations

import pandas as pd
import pytest

from gca_scanpy._scoring import index, numbers
from gca_scanpy._scoring.index import ANY, Priors, read_priors
from gca_scanpy._scoring.likelihood import rank
from gca_scanpy._scoring.weights import Weights
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.db import _bundled, load

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


def graded(priors, cl_id, tissues):
    """The grade of a type, told by what it adds; None if the type has no row in any tissue."""
    used = numbers.NUMBERS
    names = {used.prior_common: "common", 0.0: "occasional", used.prior_rare: "rare"}
    nats = priors.nats(tissues)
    return names[nats[cl_id]] if cl_id in nats else None


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
        (CD8, ["liver"], None),  # the grade of a parent does not count
        ("CL:9999999", ["liver"], None),
        (T_CELL, ["no such tissue"], "rare"),
    ],
)
def test_the_grade_of_a_type(cl_id, tissues, grade):
    """The best grade of several tissues counts, "any" stands for no tissue, and a type without a row has no grade."""
    assert graded(read_priors(TABLE), cl_id, tissues) == grade


def test_the_table_is_read_with_and_without_line_ends():
    """Lines with and without a line end give the same priors, and a table without rows prefers no type."""
    assert read_priors(iter(TABLE)) == read_priors([line.rstrip("\n") for line in TABLE])
    assert read_priors(TABLE[:1]) == Priors({})
    assert Priors({}).nats(["liver"]) == {}


def test_the_bundled_table():
    """Each tissue of the vocabulary, and "any", has its grades: what is common in one organ is rare in another."""
    priors = _bundled.priors()
    assert set(priors.grades) == {*_bundled.tissues().canonical, ANY}
    assert graded(priors, AT1, ["lung"]) == "common"
    assert graded(priors, AT1, ["liver"]) == "rare"
    assert graded(priors, AT1, []) == "occasional"
    assert graded(priors, HEPATOCYTE, ["liver"]) == "common"
    assert graded(priors, HEPATOCYTE, ["lung", "liver"]) == "common"
    assert graded(priors, T_CELL, []) == "common"
    assert graded(priors, "CL:0000815", ["kidney"]) == "occasional"  # regulatory T cell
    assert graded(priors, "CL:0000129", ["blood"]) == "rare"  # microglial cell


def test_the_table_is_read_once():
    """The bundled table is read when it is first asked for, and kept."""
    assert _bundled.priors() is _bundled.priors()


def test_the_prior_changes_the_order_and_the_shares_but_no_score():
    """Of two types with the same genes the common one comes first; a type that the table does not know is neutral."""
    rows = [(t, g) for t in ("T cell", "neuron", "my type") for g in ("AAA1", "BBB1")]
    table = load(pd.DataFrame(rows, columns=["cell_type", "gene"]))
    markers = ClusterMarkers("0", (RankedGene("AAA1", "AAA1"), RankedGene("BBB1", "BBB1")))
    for tissue, order in (("brain", "neuron T cell my type"), ("liver", "T cell my type neuron")):
        used = index.build(table, "human", _bundled.lineages(), priors=read_priors(TABLE))
        found = rank(Weights.of(markers), (tissue,), used)
        plain = rank(Weights.of(markers), (tissue,), index.build(table, "human", _bundled.lineages()))
        assert {c.label: c.score for c in found} == {c.label: c.score for c in plain}
        assert [c.probability for c in found] == sorted((c.probability for c in found), reverse=True)
        assert order.startswith(found[0].label)


def test_what_a_grade_adds():
    """Common types gain, rare types lose, and a type that is in no tissue of the table is neutral."""
    assert read_priors(TABLE).nats(("brain",)) == {NEURON: 0.3, T_CELL: 0.0, HEPATOCYTE: -0.5}
