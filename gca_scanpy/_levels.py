"""Pairs of columns with the level of a gene in its cluster and elsewhere, such as ``pct.1`` and ``pct.2``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

# Means outrank shares of cells: of a gene that all cells express, the shares are equal.
_MEAN = re.compile(r"mean|\bavg|average|median|\bexpr|\bexp\b|\bscale|\bcounts?\b|\b[ct]pm\b")
_SHARE = re.compile(r"\bpct|percent|\bperc\b|frac|detect|proba\b|\bnz\b|prop(?:ortion)?\b")
# How the two differ: the cluster first. An empty word is one that the other column has in addition.
_SIDES = (
    ("in", "out"), ("inside", "outside"), ("ingroup", "outgroup"), ("self", "other"), ("self", "others"),
    ("group", "reference"), ("group", "rest"), ("cluster", "rest"), ("cluster", "other"), ("cluster", "others"),
    ("target", "rest"), ("target", "background"), ("", "other"), ("", "others"), ("", "rest"), ("", "out"),
    ("", "reference"), ("", "ref"), ("", "background"),
)  # fmt: skip


def pairs(keys: Mapping[object, str]) -> list[tuple[object, object]]:
    """The columns of each pair, that of the cluster first: those of means, or those of shares if there are none.

    Parameters
    ----------
    keys
        The words of each column name.
    """
    names = {key: name for name, key in reversed(list(keys.items()))}
    for kind in (_MEAN, _SHARE):
        found = [
            (name, names[other])
            for name, key in keys.items()
            if kind.search(key)
            for other in _others(key)
            if other in names
        ]
        if found:
            return found
    return []


def _others(key: str) -> Iterator[str]:
    """The names that the other column of a pair may have."""
    if re.search(r"(?<!\d)1$", key):
        yield f"{key[:-1]}2"
    for inside, outside in _SIDES:
        if not inside:
            yield f"{key} {outside}"
            yield f"{outside} {key}"
        elif re.search(rf"\b{inside}\b", key):
            yield re.sub(rf"\b{inside}\b", outside, key)
