"""Pieces that docstrings share."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys

import pytest

from gca_scanpy import _docs
from gca_scanpy._docs import fill

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
    assert doctest.testmod(_docs).failed == 0
