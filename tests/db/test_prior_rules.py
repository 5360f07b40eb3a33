"""The rules of the table of priors: a small one that breaks each of them."""

from __future__ import annotations

import pytest

from gca_scanpy.db._rules import MIN_COMMON, priors

A, B, C = "CL:0000057", "CL:0000084", "CL:0000236"
TYPES = {A: ["general"], B: ["lung"], C: ["blood", "lung"]}
TISSUES = ("blood", "lung")
ROWS = [
    ("any", "common", B),
    ("blood", "common", A),
    ("blood", "occasional", C),
    ("lung", "common", A),
    ("lung", "common", B),
    ("lung", "occasional", C),
]


def broken(rows, least=1):
    """Give the rules that are broken, with their places and texts."""
    lines = [(number, list(row)) for number, row in enumerate(rows, 2)]
    return [str(finding) for finding in priors(lines, TYPES, TISSUES, least)]


def test_a_valid_table():
    """A table that lists each type in each of its tissues, once and in order, breaks no rule."""
    assert broken(ROWS) == []


@pytest.mark.parametrize(
    ("index", "row", "text"),
    [
        (3, ("lungs", "common", A), "'lungs' is no known tissue; write 'any' if no tissue is meant"),
        (3, ("general", "common", A), "'general' is no known tissue"),
        (3, ("", "common", A), "'' is no known tissue"),
        (5, ("lung", "rare", C), "the grade 'rare' of CL:0000236 is not one of: common, occasional"),
        (5, ("lung", "Occasional", C), "the grade 'Occasional' of CL:0000236 is not one of"),
        (3, ("lung", "common", "CL:0000000"), "CL:0000000 is not in cell_types.tsv"),
        (3, ("lung", "common", "fibroblast"), "fibroblast is not in cell_types.tsv"),
        (3, ("lung", "common", B), "CL:0000084 has two rows in 'lung'; the other one is in line 5"),
        (3, ("lung", "common", C), "CL:0000236 has two rows in 'lung'; the other one is in line 5"),
        (4, ("lung", "common", "CL:0000000"), "CL:0000084 has no row in 'lung', a tissue that cell_types.tsv gives it"),
        (2, ("blood", "occasional", A), "CL:0000236 has no row in 'blood'"),
        (0, ("any", "occasional", B), "'any' has 0 common types; a tissue must have at least 1"),
        (1, ("blood", "occasional", A), "'blood' has 0 common types"),
        (0, ("thymus", "common", B), "'thymus' is no known tissue"),
        (3, ("lung", "occasional", A), "the row must stand before the one above it; rows are sorted by tissue, grade"),
        (0, ("lung", "common", B), "the row must stand before the one above it"),
    ],
)
def test_a_broken_row(index, row, text):
    """A row that breaks a rule is reported with what is wrong and what is there instead."""
    rows = [*ROWS[:index], row, *ROWS[index + 1 :]]
    assert any(text in line for line in broken(rows)), broken(rows)


def test_every_tissue_needs_common_types():
    """A tissue without enough common types is reported, also if it has no row at all."""
    rows = [row for row in ROWS if row[0] != "any"]
    assert any("'any' has 0 common types; a tissue must have at least 1" in line for line in broken(rows))
    texts = broken(ROWS, MIN_COMMON)
    assert len(texts) == 3
    assert any(f"'lung' has 2 common types; a tissue must have at least {MIN_COMMON}" in line for line in texts)
