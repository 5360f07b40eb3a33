"""What the plots share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy.pl._figure import distinct


@given(st.lists(st.sampled_from(["a", "b", "a (2)", "a (3)", "", " (2)"])))
def test_distinct_names(names):
    """No two names are the same, each begins as it was, and those that were distinct stay."""
    found = distinct(names)
    assert len(found) == len(set(found)) == len(names)
    assert all(new.startswith(old) for old, new in zip(names, found))
    if len(set(names)) == len(names):
        assert found == names
