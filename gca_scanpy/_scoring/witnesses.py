"""The witnesses of a fact: the lists that state it, and the expression profiles in which its gene stands out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from attrs import frozen

from gca_scanpy.model import Witnesses

VENDORS = frozenset({"abcam", "bd_biosciences", "cell_signaling", "thermofisher"})  # they copy from one another
ASCTB = "asctb"  # the source whose tables cite publications
PROFILE = "profile"  # a kind of source
AT = "@"  # between a source and the neighbor of the type for which it states the fact


@frozen
class PublicSource:
    """A public source of statements about markers.

    Attributes
    ----------
    code
        A letter: a capital for a list, a small letter for an expression profile.
    name
        Name in ``sources`` of a marker table and in reports.
    kind
        ``list`` (written by curators), ``computed`` (from single-cell data), ``vendor`` (a catalog of antibodies) or
        ``profile`` (mean expression of a study's cell types).
    species, tissue
        What it is about; the tissue is empty if it is about many.
    citation, doi, home, license
        Its publication, web page and terms of use, each of which may be empty.
    title
        Its name as readers know it.
    """

    code: str
    name: str
    kind: str
    species: str
    tissue: str
    citation: str
    doi: str
    home: str
    license: str
    title: str

    @property
    def group(self) -> str:
        """What it is not independent of; all profiles count as one source."""
        return group(self.name) if self.kind != PROFILE else self.kind


def group(name: str) -> str:
    """The name of a list, or of the group of lists that are not independent of one another."""
    return "vendor" if name in VENDORS else name


def read_sources(lines: Iterable[str]) -> dict[str, PublicSource]:
    """Sources by their code, from the lines of ``sources.tsv``."""
    _, *rows = lines
    return {source.code: source for source in (PublicSource(*row.rstrip("\n").split("\t")) for row in rows)}


def named_columns(
    sources: Mapping[str, PublicSource], stated: Sequence[str], nearby: Sequence[str], seen: Sequence[str]
) -> tuple[list[str], list[str], list[str], list[str]]:
    """The columns ``sources``, ``nearby``, ``seen`` and ``unseen`` of a marker table, from the codes of facts."""

    def names(codes: str) -> str:
        return ";".join(sources[code].name for code in codes)

    def neighbors(parts: str) -> str:
        return ";".join(f"{sources[part[0]].name}{AT}CL:{part[1:]}" for part in parts.split(",") if part)

    return (
        _read_once(names, stated),
        _read_once(neighbors, nearby),
        _read_once(lambda codes: names(codes.partition("/")[0]), seen),
        _read_once(lambda codes: names(codes.partition("/")[2]), seen),
    )


def _read_once(read: Callable[[str], str], cells: Sequence[str]) -> list[str]:
    """What each cell says; many cells are equal, so each is read once."""
    texts = {cell: read(cell) for cell in set(cells)}
    return [texts[cell] for cell in cells]


def parts(cell: str) -> tuple[str, ...]:
    """The sources in a cell of a marker table."""
    return tuple(filter(None, cell.split(";")))


@lru_cache(maxsize=65536)
def witnesses(fact_of: str, sources: str, nearby: str, seen: str, unseen: str) -> Witnesses:
    """The witnesses of a fact of a type, from the cells of a marker table."""
    stated, near, in_favor, others = map(parts, (sources, nearby, seen, unseen))
    return Witnesses(fact_of, stated, near, in_favor, len(in_favor) + len(others))
