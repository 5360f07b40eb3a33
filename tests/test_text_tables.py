"""Numbers as tables write them, and what stands for no value, or for no name."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._text_tables import is_missing, is_no_name, numbers


def _read(*texts):
    return numbers(pd.Series(texts, dtype=object)).tolist()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("-2.5", "1e-5", "3"), [-2.5, 1e-5, 3]),
        (("-2,5", "1,25", "0,001", "3"), [-2.5, 1.25, 0.001, 3]),
        (("\u22122.5", "\u20132.5", "\uff0d2.5", "\u22122,5"), [-2.5] * 4),
        ((" 2.5 ", "\u2009\u22122.5", "2\u00a0500", "1'250", "\ufeff3"), [2.5, -2.5, 2500, 1250, 3]),
        (("1,234.5", "12,345", "-2,500"), [1234.5, 12345, -2500]),
        (("1.234,5", "-2.000"), [1234.5, -2000]),
        (("1,234,567", "2"), [1234567, 2]),
        (("1,234", "-5,678"), [1.234, -5.678]),  # three decimals: nothing says that these are thousands
        (("1.5", "0,25"), [1.5, 0.25]),
        (("1.5×10⁻³", "1,5x10^-3", "1.5 * 10**-3", "1.5E−03", "1.5D-03"), [1.5e-3] * 5),
        (("<2e-16", ">3", "≥ 3"), [2e-16, 3, 3]),
        (("(2.5)", "(2,5)"), [-2.5, -2.5]),
        (("inf", "-Inf", "∞", "−∞"), [math.inf, -math.inf, math.inf, -math.inf]),
        (("１．５", "+2.5"), [1.5, 2.5]),
    ],
)
def test_forms_of_a_number(texts, expected):
    """Signs, decimal commas, thousands, powers of ten and bounds in every form are the number."""
    assert _read(*texts) == expected


@pytest.mark.parametrize("text", ["", " ", "NA", "n/a", "NaN", "#DIV/0!", "#N/A", "-", "None", "<NA>", "."])
def test_missing_values(text):
    """What tables write for a missing value is one, beside plain numbers and beside others."""
    for others in (["1.5"], ["−1,5"]):
        found = _read(text, *others)
        assert math.isnan(found[0])
        assert not math.isnan(found[1])


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (("1", "up"), "'up' in row 2"),
        (("2.5%",), "'2.5%' in row 1"),
        (("--2",), "'--2'"),
        (("1-2",), "'1-2'"),
        (("2001-03-01",), "'2001-03-01'"),
        (("1,5 2,5,3", "1.5"), "in row 1"),
        (("1.234,5", "1,234.5"), "in row 1"),
    ],
)
def test_what_is_no_number(texts, reason):
    """Other text, and a column that contradicts itself, is an error with the text and its row."""
    with pytest.raises(ValueError, match=reason):
        _read(*texts)


WRITERS = {
    "point": str,
    "comma": lambda number: str(number).replace(".", ","),
    "minus": lambda number: str(number).replace("-", "\u2212"),
    "both": lambda number: str(number).replace(".", ",").replace("-", "\u2212"),
    "thin blank": lambda number: f"\u2009{number}\u2009",
    "thousands": lambda number: f"{number:,f}" if abs(number) < 1e9 else str(number),
    "exponent": lambda number: f"{number:.17e}".replace("e", " × 10^"),
}


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.sampled_from(list(WRITERS)))
def test_what_was_written_is_read(values, writer):
    """Law: a column comes back from each way of writing it, and no sign is lost."""
    # With a number such as 0.5, a comma with three digits behind it cannot be in doubt.
    values = [0.5, *(round(value, 4) for value in values)]
    found = _read(*(WRITERS[writer](value) for value in values))
    assert found == pytest.approx(values, abs=1e-6)
    assert [math.copysign(1, a) == math.copysign(1, b) for a, b in zip(found, values) if b] == [True] * sum(
        map(bool, values)
    )


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
