"""The rule of standing out, on made profiles."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from witnesses import profiles
from witnesses.profiles import Profile, standing

from gca_scanpy.db import _bundled

ONTOLOGY, GENES = _bundled.ontology(), _bundled.gene_names()
LYMPHOCYTE, T_CELL = "CL:0000542", "CL:0000084"
ALPHA_BETA, MATURE, CD4 = "CL:0000789", "CL:0000791", "CL:0000624"  # one, two and three steps below the T cell
B_CELL, MONOCYTE, FIBROBLAST, ENDOTHELIAL, HEPATOCYTE, NEURON = (
    "CL:0000236", "CL:0000576", "CL:0000057", "CL:0000115", "CL:0000182", "CL:0000540",
)  # fmt: skip
OTHERS = (MONOCYTE, FIBROBLAST, ENDOTHELIAL, HEPATOCYTE, NEURON)
means = st.floats(0, 1000, width=16)


def columns(*values):
    """Give five columns of other types with these means."""
    return list(zip(OTHERS, values))


def tells(made, term=T_CELL):
    """Give the neighbor, and whether the only gene stands out and is low; None if the profile tells nothing."""
    result = standing(made, term, ONTOLOGY)
    return None if result is None else (result.term, bool(result.stands_out[0]), bool(result.is_low[0]))


@pytest.mark.parametrize(
    ("mean", "others", "stands_out"),
    [
        (4, (0, 0, 0, 0, 1), True),
        (0.1, (0, 0, 0, 0, 0), True),
        (0.09, (0, 0, 0, 0, 0), False),  # not detected
        (2, (1, 1, 1, 1, 1), True),
        (1.9, (1, 1, 1, 1, 1), False),  # less than twice the median
        (4, (9, 1, 0, 0, 0), True),
        (4, (9, 9, 0, 0, 0), False),  # two of five are higher
        (4, (9, 4, 0, 0, 0), False),  # one of five is higher, one is as high
    ],
)
def test_a_gene_stands_out(profile, mean, others, stands_out):
    """It is detected, has twice the median of the other types, and a fifth of them at most reach it."""
    assert tells(profile((T_CELL, mean), *columns(*others)))[1] is stands_out


@pytest.mark.parametrize(
    ("own", "others", "is_low"),
    [
        ([(T_CELL, 0.9)], (10, 0, 0, 0, 0), True),
        ([(T_CELL, 1)], (10, 0, 0, 0, 0), False),  # a tenth of the highest
        ([(T_CELL, 0)], (0.19, 0, 0, 0, 0), False),  # it is detected nowhere
        ([(T_CELL, 0)], (0.2, 0, 0, 0, 0), True),
        ([(T_CELL, 0), (T_CELL, 5)], (10, 0, 0, 0, 0), False),  # two columns of the type
        ([(T_CELL, 0), (ALPHA_BETA, 5)], (10, 0, 0, 0, 0), False),  # high in a kind of the type
        ([(ALPHA_BETA, 0)], (10, 0, 0, 0, 0), True),  # only a kind was measured
        ([(LYMPHOCYTE, 0)], (10, 0, 0, 0, 0), False),  # an ancestor may have it in other kinds
    ],
)
def test_a_gene_is_low(profile, own, others, is_low):
    """All columns of the type and its kinds are below a tenth of the highest other type, which detects it."""
    assert tells(profile(*own, *columns(*others)))[2] is is_low


def test_related_types_are_no_others(profile):
    """Ancestors and kinds of the type are not compared with it, and columns of no single type count for nothing."""
    related = [(LYMPHOCYTE, 99), (ALPHA_BETA, 99), ("", 99)]
    assert tells(profile((T_CELL, 4), *related, *columns(0, 0, 0, 0, 0))) == (T_CELL, True, False)


def test_too_few_other_types(profile):
    """A profile with three other types tells nothing; with four it does."""
    assert tells(profile((T_CELL, 4), *columns(0, 0, 0, 0, 0)[:3])) is None
    assert tells(profile((T_CELL, 4), *columns(0, 0, 0, 0, 0)[:4])) == (T_CELL, True, False)


def test_a_type_that_is_not_there(profile):
    """A profile without the type or a neighbor tells nothing about it."""
    assert tells(profile((B_CELL, 4), *columns(0, 0, 0, 0, 0))) is None


@pytest.mark.parametrize(
    ("there", "neighbor"),
    [
        ([LYMPHOCYTE, ALPHA_BETA, T_CELL], T_CELL),  # the type itself
        ([LYMPHOCYTE, ALPHA_BETA], ALPHA_BETA),  # kinds before ancestors
        ([LYMPHOCYTE], LYMPHOCYTE),
        ([MATURE, ALPHA_BETA], ALPHA_BETA),  # the nearest kind
        ([MATURE], MATURE),
        ([CD4], None),  # more than two steps away
    ],
)
def test_the_nearest_neighbor(profile, there, neighbor):
    """Without a column of the type, its nearest kind is looked at, or else its nearest ancestor, two steps away."""
    result = tells(profile(*((term, 4) for term in there), *columns(0, 0, 0, 0, 0)))
    assert (result and result[0]) == neighbor


def test_several_columns_of_a_type(profile):
    """Columns of the same type are averaged."""
    assert tells(profile((T_CELL, 0), (T_CELL, 3), *columns(1, 1, 1, 1, 1)))[1] is False
    assert tells(profile((T_CELL, 1), (T_CELL, 3), *columns(1, 1, 1, 1, 1)))[1] is True


@given(mean=means, more=means, others=st.lists(means, min_size=5, max_size=5))
def test_a_higher_mean_stands_out_as_well(mean, more, others):
    """A gene that stands out still does if its mean in the type is higher, and one that is low is low if it falls."""

    def made(own):
        return Profile("made", "human", {"MS4A1": 0}, (T_CELL, *OTHERS), np.array([[own, *others]]))

    lower, higher = tells(made(mean)), tells(made(mean + more))
    assert higher[1] or not lower[1]
    assert lower[2] or not higher[2]


@given(values=st.lists(means, min_size=6, max_size=6), scale=st.sampled_from([1.0, 2.0, 64.0]))
def test_a_deeper_profile_loses_nothing(values, scale):
    """If all means are multiplied, what stood out still does: only detection depends on the depth."""

    def made(factor):
        table = np.array([values]) * factor
        return Profile("made", "human", {"MS4A1": 0}, (T_CELL, *OTHERS), table)

    assert tells(made(scale))[1] or not tells(made(1.0))[1]


@given(values=st.lists(means, min_size=6, max_size=6), order=st.permutations(range(6)))
def test_the_order_of_the_columns_does_not_matter(values, order):
    """The same columns in another order give the same result."""
    terms = (T_CELL, *OTHERS)
    one = Profile("made", "human", {"MS4A1": 0}, terms, np.array([values]))
    other = Profile(
        "made", "human", {"MS4A1": 0}, tuple(terms[n] for n in order), np.array([[values[n] for n in order]])
    )
    assert tells(one) == tells(other)


def test_the_files(tmp_path):
    """A profile is read with current symbols in capitals, the first of two rows counts, and columns get their terms."""
    (tmp_path / "profiles").mkdir()
    listed = "profile,species,column,cl_id\nmade,mouse,T,CL:0000084\nmade,mouse,mixed,\n"
    (tmp_path / "columns.csv").write_text(listed)
    with gzip.open(tmp_path / "profiles" / "made.csv.gz", "wt") as file:
        file.write("gene,T,mixed,unlisted\nCd3e,1,2,3\nMarch1,4,5,6\nCD3E,7,8,9\n")
    (made,) = profiles.read(tmp_path, GENES, {})
    assert (made.name, made.species, made.terms) == ("made", "mouse", (T_CELL, "", ""))
    assert made.genes == {"CD3E": 0, "MARCHF1": 1}
    assert made.means.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_a_folder_without_profiles(tmp_path):
    """A folder without a list of columns has no profiles."""
    assert list(profiles.read(tmp_path, GENES, {})) == []
