"""From a species as users write it to its row in the table: common and Latin names, and NCBI taxon ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Optional

from attrs import frozen

from gca_scanpy._names.spelling import nearest

_TAXON = re.compile(r"(?:ncbi ?taxon|ncbi:txid|taxon|taxid|txid|taxonomy(?: id)?)?[: ]*(\d+)")


@frozen
class Species:
    """A mammal whose genes can be read.

    Attributes
    ----------
    name
        Common name, such as ``rat``.
    latin
        Latin name.
    genes_of
        ``human`` or ``mouse``: the species whose gene symbols and markers are used.
    """

    name: str
    latin: str
    genes_of: str

    @property
    def is_described(self) -> bool:
        """Whether the marker database describes the species itself, and not only a relative."""
        return self.name == self.genes_of


@frozen
class SpeciesTable:
    """The species by each of their names in lower case, and by taxon id."""

    rows: Mapping[str, Species]

    @property
    def names(self) -> tuple[str, ...]:
        """The common names, in the order of the table."""
        return tuple(dict.fromkeys(species.name for species in self.rows.values()))

    def find(self, text: object) -> Optional[Species]:
        """The species that a text or a taxon id names; None if it names none.

        Case, ``_`` for a space, abbreviated Latin names (``hsapiens``, ``M. musculus``) and the name of a subspecies
        after the Latin name make no difference.
        """
        if isinstance(text, bool) or not isinstance(text, (str, int)):
            return None
        name = str(text)
        key = _key(name.rpartition("/")[2] if "://" in name else name)  # an address of the ontology ends in the id
        taxon = _TAXON.fullmatch(key)
        if taxon:
            return self.rows.get(taxon[1])
        words = key.split()
        for form in (key, " ".join(words[:3]), " ".join(words[:2])):
            if form in self.rows:
                return self.rows[form]
        in_brackets = re.fullmatch(r"(.+?) ?\((.+)\)", key)  # Homo sapiens (human)
        return (self.find(in_brackets[1]) or self.find(in_brackets[2])) if in_brackets else None

    def nearest(self, text: str) -> list[str]:
        """The common names of the species that are written most like a text."""
        return list(dict.fromkeys(self.rows[name].name for name in nearest(_key(text), self.rows)))


def read_species(lines: Iterable[str]) -> SpeciesTable:
    """Read the lines of ``species.tsv``, header first."""
    rows: dict[str, Species] = {}
    for line in list(lines)[1:]:
        name, latin, taxon, genes_of, others = line.rstrip("\n").split("\t")
        species = Species(name, latin, genes_of)
        genus, _, epithet = latin.lower().partition(" ")
        short = [f"{genus[0]}{epithet}", f"{genus[0]} {epithet}"] if epithet else []
        for key in (name, latin, taxon, *short, *filter(None, others.split(","))):
            rows.setdefault(_key(key), species)
    return SpeciesTable(rows)


def _key(text: str) -> str:
    return " ".join(re.sub(r"[_\-.\s]+", " ", text).casefold().split())
