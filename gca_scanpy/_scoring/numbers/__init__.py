"""Every hand-set number that decides an answer, with its unit, its effect and its origin; nothing else may enter.

Code reads ``numbers.NUMBERS.<name>`` at the time of the call, never a copy of it, so that :func:`override` can replace
the numbers for an experiment. ``scripts/write_scoring.py`` writes the table in docs/scoring.md from this package.
Sizes of what is displayed are not here: they change no answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from attrs import evolve, frozen

from gca_scanpy._scoring.numbers.labels import OfCells


@frozen
class Numbers(OfCells):
    """The numbers of the scorer, of the checks and of the rankings.

    The metadata of each field has its ``unit``, its ``effect`` in one sentence, the ``section`` of the documentation
    that it belongs to, its ``origin``: what it was set on, and the ``neutral`` value with which it has no effect; None
    if there is none. ``scripts/ablate.py`` measures what the neutral values change.
    """


NUMBERS = Numbers()


@contextmanager
def override(**changes: Any) -> Iterator[Numbers]:
    """Use other numbers within a ``with`` block, to fit or to test them.

    Build the marker index within the block, because it keeps the information that it has computed. All threads see
    the change.

    Examples
    --------
    >>> with override(rank_half=10) as numbers:
    ...     numbers.rank_half
    10
    """
    global NUMBERS
    before = NUMBERS
    NUMBERS = evolve(before, **changes)
    try:
        yield NUMBERS
    finally:
        NUMBERS = before
