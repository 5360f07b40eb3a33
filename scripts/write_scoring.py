"""Write the tables of docs/scoring.md and docs/states.md, between their marks, from gca_scanpy/_scoring.

python scripts/write_scoring.py
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

from attrs import fields

from gca_scanpy._scoring.malignancy import SUSPICIONS
from gca_scanpy._scoring.numbers import Numbers
from gca_scanpy._scoring.programs import PROGRAMS

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, STATES_PAGE = DOCS / "scoring.md", DOCS / "states.md"
START, END = "<!-- {}: start -->\n", "<!-- {}: end -->\n"
HEAD = "| name | value | unit | effect | set on |\n|---|---|---|---|---|\n"


def with_part(text: str, name: str, part: str) -> str:
    """The page with another text between the marks of a part."""
    start, end = START.format(name), END.format(name)
    before, _, rest = text.partition(start)
    return f"{before}{start}\n{part}\n{end}{rest.partition(end)[2]}"


def value_text(value: Any) -> str:
    """A number, or several, as the tables show them."""
    if isinstance(value, tuple):
        return ", ".join(map(value_text, value))
    if isinstance(value, float) and value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _row(number: Any) -> str:
    data = number.metadata
    return (
        f"| `{number.name}` | {value_text(number.default)} | {data['unit']} | {data['effect']} | {data['origin']} |\n"
    )


def tables(numbers: type) -> str:
    """One table for each section, in the order of the fields."""
    sections = groupby(fields(numbers), key=lambda number: number.metadata["section"])
    return "\n".join(f"### {section}\n\n{HEAD}{''.join(map(_row, rows))}" for section, rows in sections)


def page(text: str) -> str:
    """The page with up-to-date tables."""
    return with_part(text, "numbers", tables(Numbers))


def _list(genes: frozenset[str]) -> str:
    return ", ".join(sorted(genes))


def states_page(text: str) -> str:
    """The page on states with up-to-date tables."""
    states = "".join(f"| `{p.name}` | {_list(p.core)} | {p.source} |\n" for p in PROGRAMS)
    rows = "".join(f"| {row.why} | {row.least} | {_list(row.genes)} | {_list(row.beside)} |\n" for row in SUSPICIONS)
    text = with_part(text, "states", f"| state | core genes | after |\n|---|---|---|\n{states}")
    return with_part(text, "malignancy", f"| what | at least | genes | among |\n|---|---|---|---|\n{rows}")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    STATES_PAGE.write_text(states_page(STATES_PAGE.read_text(encoding="utf-8")), encoding="utf-8")
