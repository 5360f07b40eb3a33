"""How a number is declared: its value with its unit, its effect, its section, its origin and a neutral value."""

from __future__ import annotations

from typing import Any

from attrs import field

CLUSTERS = "development clusters"  # public clusters that experts labeled; docs/accuracy.md describes them
FITTED = "logistic regression, `scripts/fit_levels.py`"
CONVENTION = "convention"
BY_HAND = "by hand"
MATRICES = "clusters of eleven public matrices"
DEVELOPMENT_CELLS = "mixtures of cells of eleven public matrices"

WEIGHTS = "Gene weights"
INFORMATION = "Information of a gene for a type"
SCORES = "Scores"
PATH = "From candidates to a path of levels"
CHECKS = "Checks of a label"
MODELS = "Several language models"
STATES = "Cell states"
EXPRESSION = "Expression"
RANKINGS = "Rankings"
MIXTURES = "Mixed clusters"
SAMPLES = "Samples"

UNLIMITED = 1_000_000  # neutral value of a number that limits something


def number(value: Any, unit: str, effect: str, section: str, origin: str, neutral: Any = None) -> Any:
    metadata = {"unit": unit, "effect": effect, "section": section, "origin": origin, "neutral": neutral}
    return field(default=value, metadata=metadata)
