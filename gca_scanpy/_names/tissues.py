"""From a tissue name as users write it to the vocabulary of the database."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from attrs import frozen


@frozen
class Tissues:
    """The tissue vocabulary.

    Attributes
    ----------
    names
        Canonical tissues by each of their names. Some names, such as ``gut``, mean several tissues.
    """

    names: Mapping[str, tuple[str, ...]]

    @property
    def canonical(self) -> tuple[str, ...]:
        """All canonical tissues."""
        return tuple(dict.fromkeys(tissue for tissues in self.names.values() for tissue in tissues))

    def resolve(self, text: str) -> tuple[str, ...]:
        """The canonical tissues that a text names; empty if it names none.

        The whole text is tried first, then the known names that occur in it as words: ``fetal liver`` means liver and
        embryo.
        """
        key = _key(text)
        if key in self.names:
            return self.names[key]
        matches = [name for name in self.names if re.search(rf"\b{re.escape(name)}s?\b", key)]
        # "bone marrow" means the marrow, not the bone.
        longest = [
            name
            for name in matches
            if not any(name != other and re.search(rf"\b{re.escape(name)}\b", other) for other in matches)
        ]
        return tuple(dict.fromkeys(tissue for name in longest for tissue in self.names[name]))

    def nearest(self, text: str, n: int = 3) -> list[str]:
        """The ``n`` known names that are most similar to a text; empty if none is similar."""
        return difflib.get_close_matches(_key(text), list(self.names), n=n, cutoff=0.6)


def read_tissues(lines: Iterable[str]) -> Tissues:
    """Read the vocabulary from the lines of ``tissues.tsv``, header first."""
    names: dict[str, tuple[str, ...]] = {}
    for line in list(lines)[1:]:
        tissue, _, others = line.rstrip("\n").split("\t")
        for name in [tissue, *filter(None, others.split(","))]:
            names[_key(name)] = (*names.get(_key(name), ()), tissue)
    return Tissues(names)


def _key(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name.strip().casefold())
