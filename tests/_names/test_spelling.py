"""How far two words are apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._names.spelling import distance, nearest


@pytest.mark.parametrize(
    ("first", "second", "steps"),
    [
        ("", "", 0),
        ("a", "", 1),
        ("marow", "marrow", 1),
        ("brian", "brain", 1),
        ("kitten", "sitting", 3),
        ("ca", "ac", 1),
    ],
)
def test_the_steps_between_two_words(first, second, steps):
    """An inserted, deleted or replaced letter is one step, and so are two that are swapped."""
    assert distance(first, second) == distance(second, first) == steps


@given(st.text(max_size=12), st.text(max_size=12))
def test_the_distance_is_at_most_the_longer_word(first, second):
    """Equal words are 0 apart, others at least 1 and at most as far as the longer one is long."""
    steps = distance(first, second)
    assert (steps == 0) == (first == second)
    assert abs(len(first) - len(second)) <= steps <= max(len(first), len(second))


def test_the_nearest_names_come_first():
    """Names are sorted by their share of wrong letters; what agrees in less than half is left out."""
    assert nearest("kidny", ["liver", "kidneys", "kidney"]) == ["kidney", "kidneys"]
    assert nearest("", ["liver"]) == []
