"""What the tests of ``scripts/witnesses`` share: small profiles, and the package on the path."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

# Behind all other folders, so that no script hides a package of the same name.
sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))

from witnesses.profiles import Profile


@pytest.fixture
def profile():
    """Make a profile of one gene, MS4A1: the term of each column, and its mean there."""

    def profile(*columns, name="human_pbmc3k", species="human", genes=("MS4A1",)):
        terms = tuple(term for term, *_ in columns)
        means = np.array([values for _, *values in columns], dtype=float).T
        return Profile(name, species, {gene: n for n, gene in enumerate(genes)}, terms, means)

    return profile
