"""The colors of cell types: steady over datasets, and told apart in each picture, also by color-blind readers."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Optional

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._names.labels import Label
from gca_scanpy._names.ontology import Ontology, normalize_name
from gca_scanpy._reporting.curation import standing
from gca_scanpy.model import DatasetReport

Color = Callable[[str, Optional[str]], str]  # of a label and its term, as #RRGGBB
Values = npt.NDArray[np.float64]

UNKNOWN_COLOR = "#9E9E9E"
ROOT_COLOR = "#8A8278"  # for terms above all broad types, such as "cell"
DARKEST = 0.72  # a derived color is 0.72 to 1 times that of its nearest ancestor
# What people with a kind of color blindness see (Machado, Oliveira and Fernandes 2009, severity 1).
EYES: Mapping[str, Values] = {
    "usual": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}
# CIEDE2000 between any two colors of a picture. A difference of 1 is just noticed side by side; small dots need more.
APART: Mapping[str, float] = {"usual": 5.0, "deuteranopia": 2.5, "protanopia": 2.5}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
FROM_XYZ = np.linalg.inv(TO_XYZ)
WHITE = np.array([0.9505, 1.0, 1.089])
DARK, LIGHT = 20.0, 72.6  # of CIELAB; the light end has a contrast of 2.1 with white
# What a color may become if another looks like it: its lightness, and changes of its hue and its saturation.
LIGHTNESSES = np.arange(DARK + 0.5, LIGHT, 5.0)
TURNS = np.radians(np.arange(-180, 180, 15))
CHROMAS = (1.0, 0.75, 0.5, 1.3, 1.8)
LEAST_CHROMA = 6.0  # of the colors that a gray may become
MOST = 160  # labels; as many as a list beside a picture has
MOST_LIGHTNESS = 1.75  # of CIELAB that count as one of CIEDE2000, where they count least
AT_ONCE = 128  # colors that are compared with those in use before the next ones are


@define(eq=False)
class Palette:
    """Colors of cell types. Each type has its color, and keeps it in every picture in which no other looks like it.

    Attributes
    ----------
    ontology
        The Cell Ontology.
    chosen
        The colors of the broad types and of the types in the marker database, by id; the best-known types come first.
    """

    ontology: Ontology
    chosen: Mapping[str, str]
    _cache: dict[str, str] = field(factory=dict, init=False, repr=False)
    _order: dict[str, int] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._order = {term: place for place, term in enumerate(self.chosen)}

    def color(self, label: str, term_id: Optional[str] = None) -> str:
        """The color of a label, as ``#RRGGBB``.

        Parameters
        ----------
        label
            Any text. If the ontology has no term of this name, the label gets a grayish color of its own;
            "Unknown or Novel" is gray.
        term_id
            Cell Ontology id of the label; if None or unknown, ``label`` is looked up.
        """
        if label == UNKNOWN_LABEL:
            return UNKNOWN_COLOR
        term = self._term(label, term_id)
        if term is None:
            return _dull(label)
        if term not in self._cache:
            self._cache[term] = self.chosen.get(term) or self._derived(term)
        return self._cache[term]

    def together(self, *groups: Iterable[Label]) -> Color:
        """The colors of labels that are drawn together, as a function of a label and its term.

        A label has the color that it has alone, unless that looks like the color of another one (CIEDE2000 below 5, or
        below 2.5 as seen with a color blindness). Then the better-known type keeps its color, and the other one gets
        the most similar color that differs from all. The order of the labels does not matter. After 160 labels, or for
        a label that is in no group, the color is the one that it has alone.

        Parameters
        ----------
        groups
            Labels with their terms. Those of the first group get their colors first.
        """
        return self._placed(groups, frozenset())

    def _placed(self, groups: Iterable[Iterable[Label]], own: Container[Label]) -> Color:
        """As :meth:`together`; labels that are ``own`` get colors of their own, and not that of their term."""
        placed: dict[str, str] = {}
        room = _Room.empty()
        for group in groups:
            ranked = sorted({self._rank(*label, own): label for label in group}.items())
            for (_, _, key), label in ranked[: max(0, MOST - len(placed))]:
                if key not in placed and label[0] != UNKNOWN_LABEL:
                    rgb = room.place(_channels([self.color(*label)])[0])
                    room, placed[key] = room.with_color(rgb), hex_color(rgb)
        return lambda label, term: placed.get(self._rank(label, term, own)[2]) or self.color(label, term)

    def of_report(self, report: DatasetReport, *more: Iterable[Label]) -> Color:
        """The colors of a report, the same in all its columns and pictures; ``more`` are other labels of a picture.

        A curator's decision changes no color of the run. Labels of one term that differ in words ("activated B cell"
        beside "B cell") differ.
        """
        labels = [(c.annotation.primary_label, c.annotation.ontology_id) for c in report.clusters]
        others = [
            label
            for c in report.clusters
            for label in (
                (c.annotation.proposed_label, c.annotation.proposed_ontology_id),
                (c.broad_label, c.broad_ontology_id),
                *((level.label, level.ontology_id) for level in c.path[-1:]),
            )
        ]
        curated = [(decision.to_label, decision.to_ontology_id) for decision in standing(report).values()]
        names: dict[str, str] = {}  # the label that has the color of a term: its name, or else the first one
        for group in (labels, curated):
            known = [(label, term) for label, term in group if term is not None and term not in names]
            texts = {term: label for label, term in reversed(known)}
            plain = {t: label for label, t in known if t in self.ontology and label == self.ontology.label(t)}
            names.update({**texts, **plain})
        own = {(label, term) for label, term in (*labels, *curated) if term is not None and label != names[term]}
        return self._placed(([*labels, *others], curated, *more), own)

    def _rank(self, label: str, term_id: Optional[str], own: Container[Label]) -> tuple[int, int, str]:
        """The place of a label among those that get their colors, which ends in what identifies its color."""
        term = None if label == UNKNOWN_LABEL else self._term(label, term_id)
        if term is None:
            return 2, 0, f"label {normalize_name(label)}"
        name = f"{term} {normalize_name(label)}" if (label, term_id) in own else term
        return (0, self._order[term], name) if term in self._order else (1, 0, name)

    def _term(self, label: str, term_id: Optional[str]) -> Optional[str]:
        return term_id if term_id in self.ontology else self.ontology.resolve(label)

    def _derived(self, term: str) -> str:
        """The color of the nearest ancestor that has one, made darker."""
        distances = self.ontology.ancestors(term)
        nearest = min((t for t in distances if t in self.chosen), key=lambda t: (distances[t], t), default=None)
        factor = DARKEST + (1 - DARKEST) * (zlib.crc32(term.encode()) % 256) / 256
        return hex_color(factor * value for value in channels(self.chosen[nearest] if nearest else ROOT_COLOR))


def _dull(label: str) -> str:
    """A color for a label without a term, derived from its text; it is grayish, so that it looks like no lineage."""
    digest = zlib.crc32(normalize_name(label).encode("utf-8", "surrogatepass"))
    return hex_color(0x62 + (digest >> shift) % 0x40 for shift in (0, 8, 16))


def channels(color: str) -> list[int]:
    """Red, green and blue of ``#RRGGBB``, 0 to 255."""
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def _channels(colors: Sequence[str]) -> Values:
    """Red, green and blue of each color, 0 to 255, one row each."""
    return np.array([channels(color) for color in colors], dtype=float)


def hex_color(channels: Iterable[float]) -> str:
    """Red, green and blue, 0 to 255, as ``#RRGGBB``."""
    return "#" + "".join(f"{round(value):02X}" for value in channels)


def read_palette(ontology: Ontology, lines: Iterable[str]) -> Palette:
    """The palette in the lines of ``colors.tsv``: a header, then an id and its color in each line."""
    rows = (line.rstrip("\n").split("\t") for line in list(lines)[1:])
    return Palette(ontology, dict(rows))


def to_lab(rgb: Values, eyes: str = "usual") -> Values:
    """Colors in CIELAB as these eyes see them; each row is a color, 0 to 255."""
    rgb = rgb / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ EYES[eyes].T, 0, 1) @ TO_XYZ.T / WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def _to_rgb(lab: Values) -> Values:
    """Red, green and blue, 0 to 255, of those rows of CIELAB that a screen can show."""
    fy = (lab[:, 0] + 16) / 116
    f = np.stack([fy + lab[:, 1] / 500, fy, fy - lab[:, 2] / 200], axis=1)
    linear = (np.where(f > 0.206893, f**3, (f - 16 / 116) / 7.787) * WHITE) @ FROM_XYZ.T
    linear = linear[((linear >= 0) & (linear <= 1)).all(axis=1)]
    rgb: Values = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255 * rgb)


def difference(first: Values, second: Values) -> Values:
    """CIEDE2000 of rows of CIELAB (Sharma, Wu and Dalal 2005), which are broadcast."""
    c1, c2 = np.hypot(first[..., 1], first[..., 2]), np.hypot(second[..., 1], second[..., 2])
    mean7 = ((c1 + c2) / 2) ** 7
    g = 1 + 0.5 * (1 - np.sqrt(mean7 / (mean7 + 25.0**7)))
    a1, a2 = g * first[..., 1], g * second[..., 1]
    c1, c2 = np.hypot(a1, first[..., 2]), np.hypot(a2, second[..., 2])
    h1 = np.degrees(np.arctan2(first[..., 2], a1)) % 360
    h2 = np.degrees(np.arctan2(second[..., 2], a2)) % 360
    gray = c1 * c2 == 0
    turn = np.where(gray, 0, (h2 - h1 + 180) % 360 - 180)
    hue = np.where(gray, h1 + h2, (h1 + turn / 2) % 360)
    light, chroma = (first[..., 0] + second[..., 0]) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    s_light = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    s_chroma, s_hue = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    blue = 60 * np.exp(-(((hue - 275) / 25) ** 2))
    rotation = -np.sin(np.radians(blue)) * 2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    by_light = (second[..., 0] - first[..., 0]) / s_light
    by_chroma = (c2 - c1) / s_chroma
    by_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / s_hue
    squares = by_light**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue
    result: Values = np.sqrt(np.maximum(squares, 0))
    return result


@frozen
class _Room:
    """The colors in use in a picture, as each kind of eyes sees them."""

    seen: Mapping[str, Values]

    @classmethod
    def empty(cls) -> _Room:
        """Only the gray of Unknown is in use, so that no other label gets it."""
        return cls({eyes: to_lab(_channels([UNKNOWN_COLOR]), eyes) for eyes in EYES})

    def with_color(self, rgb: Values) -> _Room:
        return _Room({eyes: np.concatenate([lab, to_lab(rgb[None], eyes)]) for eyes, lab in self.seen.items()})

    def shares(self, rgb: Values) -> Values:
        """How far each color is from the nearest one in use, as a share of the distance that is needed."""
        shares = np.full(len(rgb), np.inf)
        for eyes, taken in self.seen.items():
            open_ones = np.flatnonzero(shares >= 1)
            lab = to_lab(rgb[open_ones], eyes)
            # Colors whose lightness differs enough are far enough apart, whatever their hues.
            rows, columns = np.nonzero(np.abs(lab[:, None, 0] - taken[None, :, 0]) < MOST_LIGHTNESS * APART[eyes])
            nearest = np.full(len(lab), np.inf)
            np.minimum.at(nearest, rows, difference(lab[rows], taken[columns]))
            shares[open_ones] = np.minimum(shares[open_ones], nearest / APART[eyes])
        return shares

    def place(self, rgb: Values) -> Values:
        """The color itself if it is far enough from those in use; otherwise the most similar one that is."""
        best, share = rgb, float(self.shares(rgb[None])[0])
        others = _variants(rgb) if share < 1 else rgb[None]
        for start in range(0, len(others), AT_ONCE):
            if share >= 1:
                break
            some = others[start : start + AT_ONCE]
            shares = np.minimum(self.shares(some), 1)  # so that the first one that is far enough is the largest
            if np.max(shares) > share:
                best, share = some[np.argmax(shares)], float(np.max(shares))
        return best


def _variants(rgb: Values) -> Values:
    """The colors of other lightness, hue and saturation, the most similar ones first."""
    lab = to_lab(rgb[None])
    chroma, hue = max(float(np.hypot(lab[0, 1], lab[0, 2])), LEAST_CHROMA), np.arctan2(lab[0, 2], lab[0, 1])
    light, part, turn = (values.ravel() for values in np.meshgrid(LIGHTNESSES, CHROMAS, TURNS, indexing="ij"))
    angle = hue + turn
    others = _to_rgb(np.stack([light, chroma * part * np.cos(angle), chroma * part * np.sin(angle)], axis=1))
    return others[np.argsort(difference(to_lab(others), lab), kind="stable")]
