"""The rules of ``priors.tsv``, the table of how usual each cell type is in each tissue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from gca_scanpy._scoring.priors import ANY, COMMON, OCCASIONAL
from gca_scanpy.db._rules import Finding

PRIORS = "priors.tsv"
COLUMNS = ["tissue", "grade", "cl_id"]
GRADES = (COMMON, OCCASIONAL)  # a type without a row is rare
MIN_COMMON = 12  # common types that every tissue has
Rows = Sequence[tuple[int, list[str]]]  # the lines of a table with their numbers


@frozen
class PriorRow:
    """A line of ``priors.tsv``."""

    line: int
    tissue: str
    grade: str
    cl_id: str

    @property
    def where(self) -> str:
        return f"{PRIORS}:{self.line}"

    @property
    def order(self) -> tuple[str, str, str]:
        return (self.tissue, self.grade, self.cl_id)


def priors(
    rows: Rows, types: Mapping[str, Sequence[str]], tissues: Sequence[str], least: int = MIN_COMMON
) -> list[Finding]:
    """Rows that break a rule, tissues with few common types, and types without a row in a tissue of theirs.

    Parameters
    ----------
    rows
        The table.
    types
        The tissues of each type of the database, by its id.
    tissues
        The canonical tissues.
    least
        The number of common types that a tissue must have.
    """
    table = [PriorRow(line, *cells) for line, cells in rows]
    places = (*tissues, ANY)
    findings = [Finding("priors", row.where, text) for row in table for text in _wrong_cells(row, types, places)]
    for place in places:
        common = sum(row.tissue == place and row.grade == COMMON for row in table)
        if common < least:
            text = f"{place!r} has {common} common types; a tissue must have at least {least}"
            findings.append(Finding("priors", PRIORS, text))
    return [*findings, *_twice(table), *_unlisted(table, types, tissues), *_unsorted(table)]


def _wrong_cells(row: PriorRow, types: Mapping[str, Sequence[str]], places: Sequence[str]) -> Iterator[str]:
    if row.tissue not in places:
        yield f"{row.tissue!r} is no known tissue; write {ANY!r} if no tissue is meant"
    if row.grade not in GRADES:
        yield f"the grade {row.grade!r} of {row.cl_id} is not one of: {', '.join(GRADES)}; a type without a row is rare"
    if row.cl_id not in types:
        yield f"{row.cl_id} is not in cell_types.tsv"


def _twice(table: Sequence[PriorRow]) -> Iterator[Finding]:
    first: dict[tuple[str, str], PriorRow] = {}
    for row in table:
        other = first.setdefault((row.tissue, row.cl_id), row)
        if other is not row:
            text = f"{row.cl_id} has two rows in {row.tissue!r}; the other one is in line {other.line}"
            yield Finding("priors", row.where, text)


def _unlisted(
    table: Sequence[PriorRow], types: Mapping[str, Sequence[str]], tissues: Sequence[str]
) -> Iterator[Finding]:
    listed = {(row.tissue, row.cl_id) for row in table}
    for cl_id, places in types.items():
        for place in places:
            if place in tissues and (place, cl_id) not in listed:
                text = f"{cl_id} has no row in {place!r}, a tissue that cell_types.tsv gives it"
                yield Finding("priors", PRIORS, text)


def _unsorted(table: Sequence[PriorRow]) -> Iterator[Finding]:
    """Rows out of order. Rows are sorted so that two people who add the same type change the same line."""
    for before, row in zip(table, table[1:]):
        if row.order < before.order:
            text = "the row must stand before the one above it; rows are sorted by tissue, grade and id"
            yield Finding("order", row.where, text)
