"""What the plots share."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy.pl._figure import distinct


@given(st.lists(st.sampled_from(["a", "b", "a (2)", "a (3)", "", " (2)"])))
def test_distinct_names(names):
    """No two names are the same, each begins as it was, and those that were distinct stay."""
    found = distinct(names)
    assert len(found) == len(set(found)) == len(names)
    assert all(new.startswith(old) for old, new in zip(names, found))
    if len(set(names)) == len(names):
        assert found == names


@pytest.mark.parametrize("name", gca.pl.__all__)
def test_the_shared_pieces_are_filled_in(name):
    """No docstring of a plot has a hole, and each explains how it is saved and shown."""
    text = inspect.getdoc(getattr(gca.pl, name))
    assert "%(" not in text
    assert "As in Scanpy's plots. ``save`` may also be a path." in text
    assert "Axes to draw into; " in text
