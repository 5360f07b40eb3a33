"""The parts of a label that joins types, such as "NK/T"; a slash between markers, as in "CD4+/CD45RA+", joins none."""

from __future__ import annotations

import re

_JOINTS = re.compile(r"\s*(?:/|&|,|;|\bor\b|\band\b)\s*", re.IGNORECASE)
# A gene with its sign in any form: "CD4+", "CD4(+)", "CD4pos", "CD4-positive", "CD25hi".
_SIGN = (
    r"(?:\s?\(?[+⁺]\)?|\s?\([-⁻−–]\)|[-⁻−–](?![a-z0-9])|[\s-]?(?:positive|negative|pos|neg)(?![a-z0-9])"
    r"|(?<=\d)[a-z]?[\s-]?(?:bright|dim|high|hi|low|lo|int)(?![a-z0-9]))"
)
_NAME = r"(?<![a-z0-9])(?!double|single|triple)[a-z][a-z0-9]*(?:-[0-9][a-z0-9]*)?"
_CD = r"(?<![a-z0-9])CD\d+[a-z]{0,2}(?![a-z0-9])"  # it may stand beside a marker without a sign of its own
_BETWEEN_MARKERS = re.compile(
    rf"(?P<left>{_NAME}{_SIGN})\s*[/,;]\s*(?=(?P<right>{_NAME}{_SIGN}|{_CD}))"
    rf"|(?P<left_cd>{_CD})\s*[/,;]\s*(?=(?P<right_signed>{_NAME}{_SIGN}))",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(r"[-⁻−–]\)?$|neg", re.IGNORECASE)
_CD4_OR_CD8 = re.compile(r"(cd[48])[ab]?(?:\W*|[\s-]?pos.*)", re.IGNORECASE)


def parts_of(text: str) -> list[str]:
    """The parts of a label that joins types, such as "NK/T"."""
    return [part for part in _JOINTS.split(_BETWEEN_MARKERS.sub(_joined, text)) if part.strip()]


def _joined(match: re.Match[str]) -> str:
    """Two markers of one type without the slash between them."""
    left = match["left"] or match["left_cd"]
    right = match["right"] or match["right_signed"]
    are_genes = any(letter.isdigit() or letter in "+⁺" for letter in left + right)  # "NK-/T- cells" has none
    return f"{left} " if are_genes and not _are_two_types(left, right) else match[0]


def _are_two_types(left: str, right: str) -> bool:
    """Whether it is "CD4+/CD8+": a mature T cell has one of them. "CD4-/CD8-" is one type."""
    found = [_CD4_OR_CD8.fullmatch(marker) for marker in (left, right) if not _NEGATIVE.search(marker)]
    return len({match[1].lower() for match in found if match}) > 1
