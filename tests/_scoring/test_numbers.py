"""The numbers of the scorer: documented, used, replaceable."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from attrs import field, fields, make_class

from gca_scanpy._scoring import index, numbers
from gca_scanpy._scoring.case import Case, Limits
from gca_scanpy._scoring.likelihood import rank
from gca_scanpy._scoring.numbers import Numbers
from gca_scanpy._scoring.numbers import genes as declared
from gca_scanpy._scoring.weights import Weights
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.db import _bundled

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script():
    """Give the script that writes the tables into the page."""
    path = ROOT / "scripts" / "write_scoring.py"
    if not path.exists():
        pytest.skip("the scripts are not part of the package")
    spec = importlib.util.spec_from_file_location("gca_write_scoring", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(script):
    """Both pages have the numbers and genes of the code; `python scripts/write_scoring.py` brings them up to date."""
    text = script.PAGE.read_text(encoding="utf-8")
    assert text.count(script.START.format("numbers")) == text.count(script.END.format("numbers")) == 1
    assert script.page(text) == text
    states = script.STATES_PAGE.read_text(encoding="utf-8")
    assert script.states_page(states) == states


def test_a_number_is_written_with_its_facts(script):
    """Each row has name, value, unit, effect and origin, and each section its own table."""
    data = {"unit": "nats", "effect": "Nothing.", "origin": "by hand"}
    some = {
        "first": field(default=1 / 3, metadata={**data, "section": "A"}),
        "second": field(default=(1.5, -2.0), metadata={**data, "section": "B"}),
        "third": field(default=1e4, metadata={**data, "section": "B"}),
    }
    text = script.tables(make_class("Some", some))
    assert text.startswith(f"### A\n\n{script.HEAD}| `first` | 0.3333 | nats | Nothing. | by hand |\n\n### B\n")
    assert "| `second` | 1.5, -2 |" in text
    assert "| `third` | 10,000 |" in text


@pytest.mark.parametrize("number", fields(Numbers), ids=lambda number: number.name)
def test_each_number_is_documented_and_used(number):
    """A number has a unit, a one-sentence effect, a known origin and section, and some module reads it."""
    data = number.metadata
    assert data["unit"]
    assert re.fullmatch(r"[A-Z][^|\n]*\.", data["effect"])
    assert data["origin"] in {
        declared.CLUSTERS,
        declared.FITTED,
        declared.CONVENTION,
        declared.BY_HAND,
        declared.MATRICES,
        declared.DEVELOPMENT_CELLS,
    }
    own = Path(numbers.__file__).parent
    modules = [p for p in own.parents[1].rglob("*.py") if own not in p.parents]
    assert any(re.search(rf"(NUMBERS|used)\.{number.name}\b", p.read_text(encoding="utf-8")) for p in modules)


def test_no_module_keeps_a_copy():
    """Modules read the numbers through the module, so that an override reaches all of them."""
    package = Path(numbers.__file__).parents[2]
    copies = [p.name for p in package.rglob("*.py") if "numbers import NUMBERS" in p.read_text(encoding="utf-8")]
    assert copies == []


def test_an_override_changes_scores_and_ends():
    """Within the block the scorer uses other numbers; afterwards, and after an error, the usual ones again."""
    built = index.build(_bundled.database(), "human", _bundled.lineages())
    genes = tuple(RankedGene(gene, gene) for gene in "RPL13 CD3D CD3E MS4A1".split())
    cluster = ClusterMarkers("0", genes)
    before, usual = tuple(rank(Weights.of(cluster), (), built)), numbers.NUMBERS
    with numbers.override(rank_half=1) as used:
        assert used is numbers.NUMBERS
        assert rank(Weights.of(cluster), (), built)[0].score < before[0].score
    assert tuple(rank(Weights.of(cluster), (), built)) == before
    with pytest.raises(KeyError), numbers.override(high=0.5):
        raise KeyError
    assert numbers.NUMBERS is usual
    with pytest.raises(TypeError), numbers.override(no_such_number=1):
        pass


def test_the_probabilities_use_the_fitted_numbers():
    """With slopes of zero each level is as probable as not, and the intercept alone decides what is beyond chance."""
    built = index.build(_bundled.database(), "human", _bundled.lineages())
    cluster = ClusterMarkers("0", tuple(RankedGene(gene, gene) for gene in "CD3D CD3E MS4A1 CD79A".split()))
    with numbers.override(level=(0.0,) * 5, chance=(1e-6, 0.0, 0.0, 0.0)):
        case = Case.of(cluster, built, (), Limits(2, 0.2, 0.6))
        assert set(case.levels.probabilities.values()) == {0.5}
        assert case.strength.beyond_chance
        with numbers.override(chance=(-1e-6, 0.0, 0.0, 0.0)):
            assert not case.strength.beyond_chance
