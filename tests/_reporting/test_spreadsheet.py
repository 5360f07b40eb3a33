"""Texts that a spreadsheet must not run."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._reporting.documents import guarded

texts = st.text(alphabet=st.sampled_from("=+-@＝'\";|,\t\r\n aZ1.β"), max_size=12) | st.text(max_size=12)


@given(texts)
def test_no_part_of_a_text_can_run(text):
    """Wherever a spreadsheet starts a cell, at the start, a semicolon, a tab or a line, none starts as a formula."""
    cells = re.split(r"[;|\t\r\n\v\f]", guarded(text))
    if re.fullmatch(r"-[\d.]+", text) is None:
        assert [cell for cell in cells if re.match(r"[\s\"]*[=+\-@＝＋－＠]", cell)] == []


@given(texts.filter(lambda text: "\0" not in text))
def test_the_quotes_are_all_that_is_added(text):
    """Without one quote at each place where a cell could start, the text is as it was: nothing is lost."""
    assert re.sub(r"(^|[;|\t\r\n\v\f])'", r"\1", guarded(text)) == text


@pytest.mark.parametrize(
    "text", ["B cell", "CD4-positive, alpha-beta T cell", "NK/T cell", "-1", "-0.5", "7_0", "", "a@b"]
)
def test_harmless_texts_stay(text):
    """Names, ids and negative numbers are written as they are."""
    assert guarded(text) == text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+B cell", "'+B cell"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (' "=1', "' \"=1"),
        ("a;=cmd|' /C calc'!A0", "a;'=cmd|'' /C calc'!A0"),
        ("'quoted", "''quoted"),
    ],
)
def test_formulas_become_text(text, cell):
    """A quote goes in front of what would run, and of a quote that was there."""
    assert guarded(text) == cell
