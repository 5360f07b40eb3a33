"""How usual a cell type is in a tissue: common, occasional or rare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, cast

from attrs import Factory, field, frozen

from gca_scanpy._scoring import numbers

Grade = Literal["common", "occasional", "rare"]

COMMON: Grade = "common"
OCCASIONAL: Grade = "occasional"
RARE: Grade = "rare"
ANY = "any"  # the rows of the table that hold if no tissue is known


@frozen
class Priors:
    """The grade of each cell type in each tissue.

    Attributes
    ----------
    grades
        By canonical tissue, or ``any``, and Cell Ontology id. Types that are not listed are rare.
    """

    grades: Mapping[str, Mapping[str, Grade]]
    _listed: frozenset[str] = field(
        init=False, repr=False, default=Factory(lambda self: frozenset().union(*self.grades.values()), takes_self=True)
    )

    def nats(self, tissues: Sequence[str]) -> Mapping[str, float]:
        """What the grade of each listed type adds to its score when scores become shares, by Cell Ontology id.

        The best grade of any of the tissues counts; the rows of ``any`` are used if there is no tissue. Only rows of
        the type itself count. A subtype does not get the grade of its parent: where T cells are common, most of their
        subtypes are not.
        """
        used = numbers.NUMBERS
        nats = dict.fromkeys(self._listed, used.prior_rare)
        values: tuple[tuple[Grade, float], ...] = ((OCCASIONAL, 0.0), (COMMON, used.prior_common))  # the best one last
        for grade, value in values:
            for tissue in tissues or (ANY,):
                nats.update((cl_id, value) for cl_id, is_ in self.grades.get(tissue, {}).items() if is_ == grade)
        return nats


NEUTRAL = Priors({})  # prefers no type


def read_priors(lines: Iterable[str]) -> Priors:
    """Read the grades from the lines of ``priors.tsv``, header first."""
    grades: dict[str, dict[str, Grade]] = {}
    for line in list(lines)[1:]:
        tissue, grade, cl_id = line.rstrip("\n").split("\t")
        grades.setdefault(tissue, {})[cl_id] = cast(Grade, grade)
    return Priors(grades)
