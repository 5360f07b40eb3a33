"""Write the tables of docs/scoring.md, between its two marks, from gca_scanpy/_scoring/numbers.py.

python scripts/write_scoring.py
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

from attrs import fields

from gca_scanpy._scoring.numbers import Numbers

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scoring.md"
START, END = "<!-- numbers: start -->\n", "<!-- numbers: end -->\n"
HEAD = "| name | value | unit | effect | set on |\n|---|---|---|---|---|\n"


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_value, value))
    if isinstance(value, float) and value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _row(number: Any) -> str:
    data = number.metadata
    return f"| `{number.name}` | {_value(number.default)} | {data['unit']} | {data['effect']} | {data['origin']} |\n"


def tables(numbers: type) -> str:
    """One table for each section, in the order of the fields."""
    sections = groupby(fields(numbers), key=lambda number: number.metadata["section"])
    return "\n".join(f"### {section}\n\n{HEAD}{''.join(map(_row, rows))}" for section, rows in sections)


def page(text: str) -> str:
    """The page with up-to-date tables."""
    before, _, rest = text.partition(START)
    return f"{before}{START}\n{tables(Numbers)}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
