"""How usual a cell type is in a tissue: common, occasional or rare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Optional, cast

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

    def grade(self, cl_id: str, tissues: Sequence[str]) -> Grade:
        """How usual a type is in these tissues: the best grade of any of them; ``any`` is used if there is none.

        Only rows of the type itself count. A subtype does not get the grade of its parent: where T cells are common,
        most of their subtypes are not.
        """
        listed = {self.grades.get(tissue, {}).get(cl_id, RARE) for tissue in tissues or (ANY,)}
        return next((grade for grade in (COMMON, OCCASIONAL) if grade in listed), RARE)

    def knows(self, key: str) -> bool:
        """Whether the table has a type in any tissue."""
        return key in self._listed

    def is_common(self, cl_id: str) -> bool:
        """Whether a type is common in any tissue."""
        return any(grades.get(cl_id) == COMMON for grades in self.grades.values())

    def nats(self, cl_id: Optional[str], tissues: Sequence[str]) -> float:
        """What the grade adds to the score when scores become shares; 0 for a type that the table has nowhere."""
        if cl_id not in self._listed or cl_id is None:
            return 0.0
        used = numbers.NUMBERS
        return {COMMON: used.prior_common, OCCASIONAL: 0.0, RARE: used.prior_rare}[self.grade(cl_id, tissues)]


NEUTRAL = Priors({})  # prefers no type


def read_priors(lines: Iterable[str]) -> Priors:
    """Read the grades from the lines of ``priors.tsv``, header first."""
    grades: dict[str, dict[str, Grade]] = {}
    for line in list(lines)[1:]:
        tissue, grade, cl_id = line.rstrip("\n").split("\t")
        grades.setdefault(tissue, {})[cl_id] = cast(Grade, grade)
    return Priors(grades)
