r"""Texts in the cells of a table that a spreadsheet may open.

A spreadsheet runs a cell that starts with ``=``, ``+``, ``-`` or ``@``, whatever quotes a CSV file has round it; and
where it expects semicolons or tabs between cells, a cell may start inside a text. A ``'`` in front makes text of it.
"""

from __future__ import annotations

import re

# Full-width signs are read as their plain ones by some programs.
_START = r"(^|[;|\t\r\n\v\f])"
_RUNS = re.compile(_START + r"(?=[\s\"]*[=+\-@＝＋－＠]|')")
_GUARDED = re.compile(_START + "'")
_NEGATIVE = re.compile(r"-\d{1,15}(\.\d{1,15})?")  # cluster -1 of a density clustering is a number, and runs nothing


def guarded(text: str) -> str:
    """The text with a ``'`` wherever a spreadsheet could start to run it, and before every ``'`` that could be one."""
    # No program reads on behind NUL.
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if _NEGATIVE.fullmatch(text) else _RUNS.sub(r"\1'", text)


def unguarded(text: str) -> str:
    """The text that :func:`guarded` was given."""
    return _GUARDED.sub(r"\1", text)
