"""Tissue names as users write them to the vocabulary of the database."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from attrs import frozen


def _key(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name.strip().casefold())


@frozen
class Tissues:
    """The vocabulary.

    Attributes
    ----------
    names
        Canonical tissues by each name that they are known by; some names (``gut``) mean several.
    """

    names: Mapping[str, tuple[str, ...]]

    def resolve(self, text: str) -> tuple[str, ...]:
        """The canonical tissues that a text names, empty where it names none.

        The whole text is tried first, then the names that stand in it as words: ``fetal liver`` is
        liver and embryo.
        """
        key = _key(text)
        if key in self.names:
            return self.names[key]
        found = [n for n in self.names if re.search(rf"\b{re.escape(n)}s?\b", key)]
        # "bone marrow" names the marrow, not the bone.
        longest = [
            n for n in found if not any(n != other and re.search(rf"\b{re.escape(n)}\b", other) for other in found)
        ]
        return tuple(dict.fromkeys(tissue for name in longest for tissue in self.names[name]))

    def nearest(self, text: str, n: int = 3) -> list[str]:
        """The known names that look most like a text; empty where none looks like it."""
        return difflib.get_close_matches(_key(text), list(self.names), n=n, cutoff=0.6)

    @property
    def canonical(self) -> tuple[str, ...]:
        """All canonical tissues."""
        return tuple(dict.fromkeys(tissue for tissues in self.names.values() for tissue in tissues))


def read_tissues(lines: Iterable[str]) -> Tissues:
    """The vocabulary in the lines of ``tissues.tsv``, header first."""
    names: dict[str, tuple[str, ...]] = {}
    for line in list(lines)[1:]:
        tissue, _, others = line.rstrip("\n").split("\t")
        for name in [tissue, *filter(None, others.split(","))]:
            names[_key(name)] = (*names.get(_key(name), ()), tissue)
    return Tissues(names)
