"""Checking databases, and each rule on a small table that breaks it."""

from __future__ import annotations

import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy._scoring.database import MarkerDatabase
from gca_scanpy.db import _bundled, _rules
from gca_scanpy.errors import DatabaseError

ONTOLOGY, GENES = _bundled.ontology(), _bundled.gene_names()
B_CELL, T_CELL, LYMPHOCYTE = "CL:0000236", "CL:0000084", "CL:0000542"


def facts(*rows):
    """Give facts from tuples of id, gene, role (positive where it is left out) and species (both)."""
    full = [(*row, "positive", "both") if len(row) == 2 else (*row, "both")[:4] for row in rows]
    table = pd.DataFrame(full, columns=["cl_id", "gene", "role", "species"])
    return table.assign(cell_type=[ONTOLOGY.label(key) if key in ONTOLOGY else "strange" for key in table["cl_id"]])


def places(findings):
    """Give where the findings are."""
    return [finding.where for finding in findings]


def test_the_bundled_database_can_be_used():
    """The bundled database keeps every hard rule."""
    found = gca.db.verify()
    assert found.ok
    assert found.errors == found.corrected == ()
    assert found.database is gca.db.load()


def test_a_broken_bundled_database(monkeypatch):
    """Were the bundled database broken, each rule would say so."""
    rows = facts(("CL:9999999", "MS4A1"), (B_CELL, "CD20"), (B_CELL, "CD19"), (B_CELL, "CD19", "negative"))
    broken = MarkerDatabase("broken", "", rows.assign(cell_type=["x", "B cells", "B cells", "B cells"]))
    monkeypatch.setattr(_bundled, "database", lambda: broken)
    found = gca.db.verify()
    assert not found.ok
    assert {error.split(":")[0] for error in found.errors} == {"ids", "names", "symbols", "signs"}


def test_a_table_of_the_user():
    """In a table of the user's own types and genes of their own are no error; what was mended is reported."""
    own = pd.DataFrame({"cell_type": ["my cell", "my cell", "B cell"], "gene": ["MYGENE", "MYGENE", "CD20"]})
    found = gca.db.verify(own)
    assert found.ok
    assert any("repeat a fact" in text for text in found.corrected)
    assert any("'MYGENE' is no current symbol" in text for text in found.warnings)
    assert sum("few" in text for text in found.warnings) == 2


def test_a_fact_for_both_species_and_for_one():
    """In a table of the user a fact that is there for both species and again for one is no error."""
    own = pd.DataFrame({"cell_type": "B cell", "gene": ["CD19", "CD19"], "species": ["both", "human"]})
    found = gca.db.verify(own)
    assert found.ok
    assert any("CD19 is listed twice" in text for text in found.warnings)


def test_a_table_that_cannot_be_loaded():
    """What cannot be loaded raises, as in load."""
    with pytest.raises(DatabaseError, match="no column gene"):
        gca.db.verify(pd.DataFrame({"cell_type": ["B cell"]}))


def test_ids():
    """An id that the ontology's index has not is found, once."""
    assert places(_rules.ids(facts((B_CELL, "MS4A1"), ("CL:9999999", "CD3E"), ("CL:9999999", "CD3D")), ONTOLOGY)) == [
        "1"
    ]


def test_names():
    """A type must be called what the ontology calls it."""
    table = facts((B_CELL, "MS4A1"), (T_CELL, "CD3E")).assign(cell_type=["B cell", "T lymphocyte"])
    (finding,) = _rules.names(table, ONTOLOGY)
    assert finding.where == "1"
    assert "the ontology names it 'T cell'" in finding.text


@pytest.mark.parametrize(
    ("gene", "species", "hint"),
    [
        ("CD20", "both", "the current symbol is MS4A1"),
        ("Ms4a1", "both", "the current symbol is MS4A1"),
        ("Ms4a1", "mouse", "the current symbol is MS4A1"),
        ("NOGENE", "human", "no current symbol"),
        ("Ly6c2", "human", "no current symbol"),
        ("ly6c2", "mouse", "no current symbol"),
    ],
)
def test_symbols(gene, species, hint):
    """Older, misspelt and unknown symbols are found, with the current one where there is one."""
    (finding,) = _rules.symbols(facts((B_CELL, gene, "positive", species)), GENES)
    assert hint in finding.text


def test_symbols_of_mice():
    """Mouse rows may have mouse symbols, and must have the human one where it is the same word."""
    rows = [(B_CELL, gene, "positive", "mouse") for gene in ("Ly6c2", "H2-Ab1", "1700016P04Rik", "MS4A1")]
    assert _rules.symbols(facts(*rows), GENES) == []


def test_duplicates():
    """A fact that two rows state for one species is found; one for human and one for mouse are two facts."""
    table = facts(
        (B_CELL, "MS4A1"),
        (B_CELL, "MS4A1", "positive", "human"),
        (B_CELL, "CD19", "positive", "human"),
        (B_CELL, "CD19", "positive", "mouse"),
        (T_CELL, "MS4A1"),
        (B_CELL, "MS4A1"),
    )
    assert places(_rules.duplicates(table)) == ["1", "5"]


def test_signs():
    """A gene with both signs for a type in a common species is found, and is not called a duplicate."""
    table = facts(
        (B_CELL, "MS4A1"),
        (B_CELL, "MS4A1", "negative", "mouse"),
        (B_CELL, "CD19", "positive", "human"),
        (B_CELL, "CD19", "negative", "mouse"),
        (T_CELL, "MS4A1", "negative"),
    )
    assert places(_rules.signs(table)) == ["1"]
    assert _rules.duplicates(table) == []


def test_few():
    """A type needs six positive genes; negative ones do not count, nor does one twice."""
    genes = ("MS4A1", "CD19", "CD79A", "CD79B", "CD22")
    short = facts(
        *((B_CELL, gene) for gene in genes), (B_CELL, "CD3E", "negative"), (B_CELL, "CD22", "positive", "mouse")
    )
    assert places(_rules.few(short)) == ["B cell (CL:0000236)"]
    assert _rules.few(facts(*((B_CELL, gene) for gene in (*genes, "PAX5")))) == []
    assert "0 positive" in _rules.few(facts((B_CELL, "CD3E", "negative")))[0].text


def test_siblings():
    """Siblings are what has its nearest parent among the types in common; each needs genes that the other has not."""
    pairs = list(_rules.sibling_pairs({B_CELL, T_CELL, LYMPHOCYTE, "CL:0000788"}, ONTOLOGY))
    assert (B_CELL, T_CELL) in pairs
    assert (T_CELL, B_CELL) in pairs
    assert not any(LYMPHOCYTE in pair or "CL:0000788" in pair for pair in pairs)
    own = [(B_CELL, gene) for gene in ("MS4A1", "CD19", "CD79A", "CD79B", "CD22", "PAX5")]
    table = facts(*own, (T_CELL, "MS4A1"), (T_CELL, "CD3E"), (LYMPHOCYTE, "PTPRC"))
    found = _rules.siblings(table, ONTOLOGY)
    assert places(found) == ["T cell (CL:0000084)", "B cell (CL:0000236)"]
    assert "1 genes separate it from its sibling B cell" in found[0].text
