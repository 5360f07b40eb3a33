"""What the plots share, such as pieces of docstrings."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy.pl import _figure
from gca_scanpy.pl._figure import distinct, fill

PIECES = fill(
    key="""
    key
        The key, such as ``{"a": 1}`` or 100 %.

        A second paragraph.
    """,
    show="show, save\n    As in Scanpy.",
)


@PIECES
def _filled(key, show):
    """Draw %(key)s, and {key}.

    Parameters
    ----------
    %(key)s
    other
        100 % of %d.
    %(show)s
    """


@PIECES
class _Class:
    """A class.

    Attributes
    ----------
    %(key)s
    """


EXPECTED = """Draw %(key)s, and {key}.

Parameters
----------
key
    The key, such as ``{"a": 1}`` or 100 %.

    A second paragraph.
other
    100 % of %d.
show, save
    As in Scanpy."""


def test_a_line_becomes_its_piece():
    """Only a whole line is replaced; braces and other signs stay, and paragraphs keep their indentation."""
    assert inspect.getdoc(_filled) == EXPECTED


def test_a_class_is_filled():
    """A class is given back as the class that it is."""
    assert inspect.isclass(_Class)
    assert "key\n    The key" in inspect.getdoc(_Class)


@pytest.mark.parametrize("indent", ["", "    ", "        ", "\t"])
def test_any_indentation(indent):
    """The piece has the indentation of its line, as Python 3.13 removes it and older ones do not."""

    def function():
        pass

    function.__doc__ = f"Draw.\n\n{indent}Parameters\n{indent}----------\n{indent}%(show)s\n{indent}end"
    assert PIECES(function) is function
    assert inspect.getdoc(function) == "Draw.\n\nParameters\n----------\nshow, save\n    As in Scanpy.\nend"


def test_no_line_ends_in_a_space():
    """An empty line of a piece stays empty."""
    assert all(line == line.rstrip() for line in _filled.__doc__.split("\n")[:-1])


def test_a_name_that_is_no_piece():
    """A mistyped name is an error at import, not a hole in the documents."""

    def function():
        """Draw.

        %(shwo)s
        """

    with pytest.raises(KeyError, match="shwo"):
        PIECES(function)


def test_without_docstrings():
    """A function without a docstring stays without; ``python -OO`` removes them all and imports the plots."""
    assert PIECES(lambda: None).__doc__ is None
    code = "import gca_scanpy as gca; assert gca.pl.report.__doc__ is None; assert gca.tl.annotate.__doc__ is None"
    subprocess.run([sys.executable, "-OO", "-P", "-c", code] if sys.version_info >= (3, 11)
                   else [sys.executable, "-OO", "-c", code], check=True)  # fmt: skip


def test_the_example_runs():
    """The example of the mechanism shows what it gives."""
    assert doctest.testmod(_figure).failed == 0


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


@pytest.mark.parametrize("name", ["report", "confidence", "ontology"])
def test_letters_of_other_scripts_have_a_font(report_with, monkeypatch, name):
    """Installed fonts with Chinese, Japanese and Korean follow the user's font; others would only cause warnings."""
    monkeypatch.setattr(_figure, "CJK_FONTS", ("No Such Font", "DejaVu Serif"))
    ax = getattr(gca.pl, name)(report_with(2, lambda i: f"клетки {i}"), show=False)
    text = next(t for t in [*ax.texts, *ax.get_yticklabels()] if "клетки" in t.get_text())
    assert text.get_fontfamily() == [*mpl.rcParams["font.family"], "DejaVu Serif"]


@pytest.mark.parametrize("name", ["report", "ontology", "confidence"])
def test_no_text_is_black_on_black(report_with, name):
    """In a dark style, each text beside the fields is bright."""
    with mpl.style.context("dark_background"):
        ax = getattr(gca.pl, name)(report_with(3), show=False)
    colors = [mpl.colors.to_rgb(t.get_color()) for t in [*ax.texts, *ax.get_yticklabels()] if t.get_text().strip()]
    assert colors
    assert min(max(color) for color in colors) > 0.45


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_high_values_stand_out(report_with, style):
    """The highest share differs most from the paper, the lowest still differs, and marks can be read on fields."""
    with mpl.style.context(style):
        ax = gca.pl.candidates(report_with(3), show=False)
        paper = sum(mpl.colors.to_rgb(ax.figure.get_facecolor()))
    fields = ax.images[0].cmap
    low, high = (abs(sum(fields(value)[:3]) - paper) for value in (0.0, 1.0))
    assert high > 1.5 > low > 0.15
    marks = {tuple(mpl.colors.to_rgb(text.get_color())) for text in ax.texts}
    assert marks == {(1.0, 1.0, 1.0) if style == "default" else (0.0, 0.0, 0.0)}


@pytest.mark.parametrize("name", ["report", "confidence", "ontology"])
def test_eighty_clusters_fit_a_page(report_with, name):
    """No picture is so high that its texts cannot be read once it is shrunk to a page, and no text is small."""
    ax = getattr(gca.pl, name)(report_with(80), show=False)
    assert max(ax.figure.get_size_inches()) < 17
    assert min(t.get_fontsize() for t in [*ax.texts, *ax.get_yticklabels()] if t.get_text()) >= 6.5


@pytest.mark.parametrize("n", [2, 12, 40, 80])
def test_fields_shrink_to_a_page(n):
    """A few fields have their usual size; many of them fill a page, but none is too small for its name."""
    assert _figure.cell_size(n) * n <= _figure.PAGE + 0.3
    assert _figure.cell_size(n) * 72 > 1.2 * _figure.name_size(n)
    assert (_figure.cell_size(n) == _figure.CELL) == (n < 50)
