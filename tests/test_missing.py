"""What stands for no value in a table, and for no name."""

from __future__ import annotations

import pytest

from gca_scanpy._missing import is_missing, is_no_name


@pytest.mark.parametrize("text", ["NA", "n/a", " NaN ", "None", "#REF!"])
def test_no_value(text):
    """It is no name either."""
    assert is_missing(text)
    assert is_no_name(text)


def test_what_only_one_of_them_takes():
    """A sign alone is no missing name, a numbered "NA" is; names that begin like them are names."""
    assert is_missing("-")
    assert not is_no_name("-")
    assert is_no_name("NA_1")
    assert not is_missing("NA_1")
    assert not any(map(is_no_name, ["NA neuron", "Naive", "naïve T", "1"]))
