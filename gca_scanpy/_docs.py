"""Pieces of docstrings that several functions share, written once."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_PLACE = re.compile(r"^([ \t]*)%\((\w+)\)s[ \t]*$", re.MULTILINE)


def fill(**pieces: str) -> Callable[[T], T]:
    """Make a decorator that fills pieces into the docstring of a function or class.

    A line that is only ``%(name)s`` is replaced by the piece of this name, with the indentation of that line. Line
    breaks around a piece are removed, and so is the indentation that all its lines share. Any other ``%`` and all
    braces stay.

    Parameters
    ----------
    **pieces
        The texts by name.

    Returns
    -------
    Callable
        The decorator; it gives the same object back. Under ``python -OO``, which removes docstrings, it does nothing.

    Raises
    ------
    KeyError
        By the decorator, so at import: if a docstring names a piece that does not exist.

    Examples
    --------
    >>> import inspect
    >>> shared = fill(key='''
    ...     key
    ...         The ``key_added`` of the run.
    ...     ''')
    >>> @shared
    ... def draw(key):
    ...     '''Draw.
    ...
    ...     %(key)s
    ...     '''
    >>> print(inspect.getdoc(draw))
    Draw.
    <BLANKLINE>
    key
        The ``key_added`` of the run.
    """
    texts = {name: textwrap.dedent(text).strip("\n") for name, text in pieces.items()}

    def decorate(documented: T) -> T:
        if documented.__doc__:
            documented.__doc__ = _PLACE.sub(lambda place: _indented(texts[place[2]], place[1]), documented.__doc__)
        return documented

    return decorate


def _indented(text: str, indent: str) -> str:
    return "\n".join(indent + line if line else line for line in text.split("\n"))
