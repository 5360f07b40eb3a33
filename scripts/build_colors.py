"""Choose a color for each cell type of the marker database that has none: ``gca_scanpy/data/colors.tsv.gz``.

python scripts/build_colors.py

Colors that are in the table stay as they are, so that figures of two releases can be compared. A new type gets a color
of its family: the one that differs most from the colors in use, for people with and without color blindness. The
best-known types choose first, and the table is in this order: if two types of a picture look alike, the later one gets
another color there.
"""

from __future__ import annotations

import gzip
from collections import Counter
from colorsys import hls_to_rgb, rgb_to_hls
from pathlib import Path

import numpy as np

from gca_scanpy._reporting.colors import DARK, EYES, LIGHT, channels, hex_color, to_lab
from gca_scanpy.db import _bundled

TABLE = Path(__file__).resolve().parents[1] / "gca_scanpy" / "data" / "colors.tsv.gz"
# Light, middle and dark, by broad type, or by lineage if the broad type has no ramp. The middles start at the hues of
# Okabe and Ito; those of the large lineages were moved apart as seen with each kind of color blindness. None is too
# pale on white.
RAMPS = {
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
PLACES, TURNS = (
    np.linspace(0, 1, 41),
    np.linspace(-0.03, 0.03, 13),
)  # on the ramp; of the hue
# Monocyte, fibroblast and astrocyte get the middle of their family. In other families the most general broad type does.
MIDDLES = ("CL:0000576", "CL:0000057", "CL:0000127")
KIN = 0.12  # penalty on a color's distance from the color of the nearest ancestor
SHARES = {"usual": 0.6, "deuteranopia": 0.2, "protanopia": 0.2}


def lab(colors: list[str], eyes: str) -> np.ndarray:
    """The colors in CIELAB as these eyes see them, one row each."""
    return to_lab(np.array([channels(color) for color in colors]), eyes)


def family_of(term: str) -> str:
    broad = _bundled.lineages().broad(term)
    return "" if broad is None else broad.id if broad.id in RAMPS else broad.lineage


def choices(family: str) -> list[str]:
    """The colors of a family, its middle first."""
    ramp = np.array([channels(color) for color in RAMPS[family]]) / 255
    colors = [RAMPS[family][1]]
    for place in PLACES:
        rgb = [np.interp(place, [0, 0.5, 1], ramp[:, channel]) for channel in range(3)]
        hue, lightness, saturation = rgb_to_hls(*rgb)
        for turn in TURNS:
            turned = hls_to_rgb((hue + turn) % 1, lightness, saturation)
            colors.append(hex_color(value * 255 for value in turned))
    return [color for color, (lightness, _, _) in zip(colors, lab(colors, "usual")) if DARK < lightness < LIGHT]


def apart(choice: list[str], taken: list[str]) -> np.ndarray:
    """The distance of each choice from each color in use."""
    seen = {eyes: (lab(choice, eyes), lab(taken, eyes)) for eyes in EYES}
    return sum(SHARES[eyes] * np.linalg.norm(a[:, None] - b[None], axis=2) for eyes, (a, b) in seen.items())


def choose(term: str, taken: dict[str, str]) -> str:
    """The best color for a term, given the colors of its family and of the broad types."""
    family, broad = family_of(term), _bundled.lineages().broad_types
    choice = choices(family)
    rivals = [color for other, color in taken.items() if family_of(other) == family or other in broad]
    if not any(family_of(other) == family for other in taken):
        return choice[0]
    score = apart(choice, rivals).min(axis=1)
    distances = _bundled.ontology().ancestors(term)
    related = [other for other in sorted(distances, key=distances.get) if other in taken and family_of(other) == family]
    if related:
        score = score - KIN * apart(choice, [taken[related[0]]])[:, 0]
    return choice[int(np.argmax(score))]


def main() -> None:
    lines = gzip.decompress(TABLE.read_bytes()).decode().splitlines()[1:] if TABLE.exists() else []
    taken = dict(line.split("\t") for line in lines)
    ontology, broad = _bundled.ontology(), list(_bundled.lineages().broad_types)
    below = Counter(ancestor for term in ontology.terms for ancestor in ontology.ancestors(term))
    broad.sort(key=lambda term: (term not in MIDDLES, -below[term]))
    facts = Counter(_bundled.database().facts["cl_id"])
    known = sorted(facts, key=lambda term: (-facts[term], term))
    first = [term for term in (*(b for b in broad if b in known), *known, *broad) if term in ontology]
    for term in dict.fromkeys(first):
        if term not in taken:
            taken[term] = choose(term, taken)
    rows = "".join(f"{term}\t{taken[term]}\n" for term in dict.fromkeys((*first, *sorted(taken))))
    TABLE.write_bytes(gzip.compress(f"cl_id\tcolor\n{rows}".encode(), mtime=0))


if __name__ == "__main__":
    main()
