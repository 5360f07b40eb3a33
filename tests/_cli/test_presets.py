"""``gca presets``, and what the presets say."""

from __future__ import annotations

import pytest

from gca_scanpy._cli.presets import load_presets
from gca_scanpy._prepare import check_species
from gca_scanpy.db import _bundled


def test_the_list(gca):
    """Every preset is a row with species, tissue and threshold."""
    done = gca("presets")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines() if "_" in line]
    assert [row[0] for row in rows] == list(load_presets())
    assert ["human_pbmc", "human", "blood", "3"] in rows
    assert {"human_brain", "mouse_kidney"} <= set(load_presets())
    assert list(load_presets()) == sorted(load_presets())


@pytest.mark.parametrize("name", load_presets())
def test_a_preset(name):
    """Its species and tissue are those that its name says, and are known; its threshold is a small number."""
    preset = load_presets()[name]
    assert name.startswith(f"{preset.species}_")
    assert check_species(preset.species) == preset.species
    assert _bundled.tissues().resolve(preset.tissue)
    assert set(_bundled.tissues().resolve(name.split("_", 1)[1].replace("_", " "))) & set(
        _bundled.tissues().resolve(preset.tissue)
    )
    assert preset.min_support in (2, 3)
