"""A colour for every cell type: the hue tells the lineage, the shade the place in the ontology."""

from __future__ import annotations

import zlib
from collections.abc import Container, Iterator, Mapping, Sequence
from colorsys import hls_to_rgb, rgb_to_hls
from functools import cached_property
from itertools import accumulate
from typing import Optional

from attrs import define, frozen

from gca_scanpy._core.lineage import BroadType, Lineages
from gca_scanpy._core.ontology import normalise_name
from gca_scanpy._keys import UNKNOWN_LABEL

UNKNOWN_COLOUR = "#9E9E9E"
GOLDEN = 0.618034  # of the ramp, from a term to the next; no other share keeps so many terms apart
TURN = 0.025  # of the circle of hues, from the middle of a family to either end
RARE = 0.1  # how much of its family's hues a rare term gets, where a common one gets 1
FLATTENING = 0.75  # exponent of a subtree's share of the hues: below 1, small ones get more than their share
# Light, middle and dark, by broad type or else by lineage. The hues of the large ones are those of Okabe and Ito, which
# colour-blind people tell apart; neighbours in blood and in brain differ in lightness too. None is too pale on white.
RAMPS: Mapping[str, tuple[str, str, str]] = {
    "CL:0000623": ("#6BBFC5", "#358D93", "#004F54"),  # natural killer cell
    "CL:0001065": ("#71C0AD", "#3F8F7D", "#005143"),  # innate lymphoid cell
    "t": ("#62ABF0", "#0072B2", "#004570"),
    "CL:0000786": ("#C367AB", "#862D72", "#751B62"),  # plasma cell
    "b": ("#ED97CB", "#D17DB0", "#8E3F71"),
    "CL:0000451": ("#E8A54B", "#D4933A", "#8C5700"),  # dendritic cell
    "myeloid": ("#FF985B", "#D15B00", "#772E00"),
    "granulocyte": ("#F49C7B", "#C06E50", "#7B331A"),
    "erythroid": ("#F8625F", "#B3202C", "#8B0018"),
    "megakaryocyte": ("#D2748F", "#933C58", "#772241"),
    "blood": ("#CBAC91", "#8F735A", "#553D27"),
    "endothelial": ("#FF87A9", "#CD3A6F", "#88003F"),
    "mesenchymal": ("#D2AF1D", "#C2A100", "#7A6400"),
    "muscle": ("#B88452", "#7A4E1E", "#613908"),
    "mesothelial": ("#A8BA71", "#788A45", "#3C4F0B"),
    "glia": ("#6FC38B", "#5EB27B", "#187240"),
    "ependymal": ("#66C0C0", "#3F9C9C", "#005D5D"),
    "neural progenitor": ("#A5ABFF", "#6F79CC", "#2B408B"),
    "neuron": ("#B490FE", "#7656C8", "#462D99"),
    "melanocyte": ("#7C6E6A", "#4A3C37", "#2E2522"),
    "CL:0000182": ("#57B89A", "#0B7D62", "#004C3A"),  # hepatocyte
    "CL:0000312": ("#8FBC9C", "#5F8A6C", "#254E34"),  # keratinocyte
    "CL:1100001": ("#81C269", "#4F8F3A", "#065200"),  # secretory epithelial cell
    "CL:0000067": ("#54C4B2", "#1F9A8A", "#00594F"),  # ciliated epithelial cell
    "CL:1000449": ("#5FC58D", "#37A06A", "#005F37"),  # epithelial cell of nephron
    "epithelial": ("#52B582", "#007A4C", "#004D2D"),
    "endocrine": ("#59C3B3", "#1D9384", "#005349"),
    "trophoblast": ("#DF96F9", "#A35FBD", "#64247E"),
    "germ": ("#FE8DC4", "#BD5289", "#7E1152"),
    "embryonic": ("#9BB4CF", "#627A93", "#2C445B"),
    "malignant": ("#C85C9A", "#8A1F62", "#7E0F57"),
    "gonadal": ("#E69AB8", "#A8617E", "#6D2B49"),
    "": ("#B7AEA5", "#7D756C", "#484139"),  # terms above the broad types, such as "cell"
}


@frozen
class _Spot:
    """Where a term is among the hues of its family, 0 to 1, and how deep in the tree."""

    term: str
    place: float
    depth: int


@define(eq=False, slots=False)
class Palette:
    """Colours of cell types, the same in every dataset: no colour depends on which other types there are.

    Attributes
    ----------
    lineages
        The ontology and its broad types.
    common
        Terms that data are likely to have; they are kept apart best.
    """

    lineages: Lineages
    common: Container[str]

    def colour(self, label: str, term_id: Optional[str] = None) -> str:
        """The colour of a label, as ``#RRGGBB``.

        Parameters
        ----------
        label
            Any text. Where no known term comes with it, the term that the ontology knows by this name counts; a label
            without any has a dull colour of its own, "Unknown or Novel" is grey.
        term_id
            Cell Ontology id of the label.
        """
        if label == UNKNOWN_LABEL:
            return UNKNOWN_COLOUR
        ontology = self.lineages.ontology
        term = term_id if term_id in ontology else ontology.resolve(label)
        if term is None:
            return _dull(label)
        return self._colours[term]

    @cached_property
    def _colours(self) -> Mapping[str, str]:
        """The colour of each term, all at once: the place of one depends on how many others the ontology has."""
        roots: dict[str, list[str]] = {}
        children: dict[str, list[str]] = {}
        for term in self.lineages.ontology.terms:
            parent = self._parent(term)
            if parent is None:
                roots.setdefault(_family(self.lineages.broad(term)), []).append(term)
            else:
                children.setdefault(parent, []).append(term)
        colours = {}
        for family, tops in roots.items():
            spots = sorted(_spread(tops, children, self.common), key=self._rank)
            for i, spot in enumerate(spots):
                colours[spot.term] = _shade(RAMPS[family], (0.5 + i * GOLDEN) % 1, (spot.place * 2 - 1) * TURN)
        return colours

    def _rank(self, spot: _Spot) -> tuple[bool, bool, int]:
        """The first of a family get the middle of the ramp and are furthest apart: those that most data have."""
        return spot.term not in self.lineages.broad_types, spot.term not in self.common, spot.depth

    def _parent(self, term: str) -> Optional[str]:
        """The parent of the same broad type that is the most special; None at the top of the broad type."""
        ontology = self.lineages.ontology
        broad = self.lineages.broad(term)
        own = [p for p in ontology.terms[term].parents if p in ontology and self.lineages.broad(p) == broad]
        return max(own, key=lambda p: (len(ontology.ancestors(p)), p), default=None)


def _family(broad: Optional[BroadType]) -> str:
    if broad is None:
        return ""
    return broad.id if broad.id in RAMPS else broad.lineage


def _spread(roots: Sequence[str], children: Mapping[str, Sequence[str]], common: Container[str]) -> Iterator[_Spot]:
    """All terms below the roots, along the hues of their family: each subtree has a stretch of its own, its top mid in it.

    Of siblings, the largest two are at the ends and the smallest in the middle, because data have most of the large.
    """
    sizes: dict[str, float] = {}

    def count(term: str) -> float:
        sizes[term] = (1.0 if term in common else RARE) + sum(map(count, children.get(term, ())))
        return sizes[term]

    def place(top: Optional[str], below: Sequence[str], low: float, high: float, depth: int) -> Iterator[_Spot]:
        ranked = sorted(below, key=lambda term: (-sizes[term], term))
        order = [*ranked[::2], *([top] if top else []), *reversed(ranked[1::2])]
        weights = [1.0 if term == top else sizes[term] ** FLATTENING for term in order]
        edges = [low + (high - low) * part / sum(weights) for part in accumulate(weights, initial=0.0)]
        for term, start, end in zip(order, edges, edges[1:]):
            if term == top:
                yield _Spot(term, (start + end) / 2, depth)
            else:
                yield from place(term, children.get(term, ()), start, end, depth + 1)

    for root in roots:
        count(root)
    return place(None, roots, 0.0, 1.0, 0)


def _shade(ramp: tuple[str, str, str], place: float, turn: float) -> str:
    """The colour at a place of a ramp, its hue turned."""
    first, second, part = (ramp[0], ramp[1], place * 2) if place < 0.5 else (ramp[1], ramp[2], place * 2 - 1)
    pairs = ((int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5))
    hue, lightness, saturation = rgb_to_hls(*((a + (b - a) * part) / 255 for a, b in pairs))
    return "#" + "".join(f"{round(value * 255):02X}" for value in hls_to_rgb((hue + turn) % 1, lightness, saturation))


def _dull(label: str) -> str:
    """A colour for a label of no known type, by its text: greyish, so that it looks like no lineage."""
    digest = zlib.crc32(normalise_name(label).encode("utf-8", "surrogatepass"))
    return "#" + "".join(f"{0x5C + (digest >> shift) % 0x50:02X}" for shift in (0, 8, 16))
