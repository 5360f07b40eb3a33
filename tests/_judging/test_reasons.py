"""The table of reason codes: it is whole, and the documents show it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import gca_scanpy
from gca_scanpy._judging.reasons import ABSENT, ADVISORY, REASONS, Reason, meaning

ROOT = Path(__file__).resolve().parents[2]
CODES = (
    "low_marker_overlap contradictory_markers ontology_mismatch label_not_in_kb species_mismatch tissue_mismatch "
    "no_markers_supplied missing_ontology_id validation_missing ortholog_unmapped mixed_lineage "
    "model_disagreement llm_unavailable other_species separating_genes_unmeasured not_separated "
    "sample_disagreement one_sample"
).split()


@pytest.fixture(scope="module")
def script():
    """Give the script that writes the tables into the page."""
    spec = importlib.util.spec_from_file_location("gca_write_reasons", ROOT / "scripts" / "write_reasons.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_code_has_a_meaning():
    """Each code is in the table once, with a sentence; a code of another version has none."""
    assert set(REASONS) == set(CODES)
    assert all(reason.code == code and reason.meaning.endswith(".") for code, reason in REASONS.items())
    assert meaning("tissue_mismatch") == REASONS["tissue_mismatch"].meaning
    assert meaning("of_a_later_version") == ""


def test_advice_is_told_from_what_stops_a_label():
    """Nine codes let a label stand; two of those that stop it say that there is no evidence."""
    assert {
        "tissue_mismatch",
        "missing_ontology_id",
        "ortholog_unmapped",
        "llm_unavailable",
        "other_species",
        "separating_genes_unmeasured",
        "not_separated",
        "sample_disagreement",
        "one_sample",
    } == ADVISORY
    assert {"low_marker_overlap", "no_markers_supplied"} == ABSENT
    assert all(REASONS[code].stops for code in ABSENT)


def test_the_codes_are_those_that_the_checks_raise():
    """No code is raised that the table lacks, and none of the table is raised nowhere."""
    folder = Path(gca_scanpy.__file__).parent / "_judging"
    source = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py") if path.stem != "reasons")
    raised = set(re.findall(r"Finding\(\s*\"(\w+)\"", source))
    assert raised
    assert raised <= set(REASONS)
    assert [code for code in REASONS if f'"{code}"' not in source] == []


def test_the_page_is_current(script):
    """docs/scoring.md has the table as it is; `python scripts/write_reasons.py` brings it up to date."""
    text = script.PAGE.read_text(encoding="utf-8")
    assert script.page(text) == text


def test_a_new_code_is_a_row_of_the_page(script):
    """A code that stops is in the first table, another in the second."""
    text = script.tables([Reason("one", "First.", stops=True), Reason("two", "Second.", stops=False)])
    first, _, second = text.partition("let the label stand")
    assert "| `one` | First. |" in first
    assert "| `two` | Second. |" in second
    assert "`one`" not in second
