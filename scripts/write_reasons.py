"""Write the tables of reason codes into docs/scoring.md, from the reasons in the code.

python scripts/write_reasons.py
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gca_scanpy._judging.reasons import REASONS, Reason

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scoring.md"
START, END = "<!-- reason codes: scripts/write_reasons.py -->\n", "<!-- end of the reason codes -->\n"


def tables(reasons: Iterable[Reason]) -> str:
    """The text between the two marks of the page."""
    rows = [(reason.stops, f"| `{reason.code}` | {reason.meaning} |\n") for reason in reasons]
    head = "| code | meaning |\n|---|---|\n"
    stopping, advisory = ("".join(row for stops, row in rows if stops is wanted) for wanted in (True, False))
    return f"""
These reasons stop a label; while `force_unknown` is on, it becomes "Unknown or Novel". The proposed label is kept:

{head}{stopping}
These reasons let the label stand, but confidence is at most Medium:

{head}{advisory}
"""


def page(text: str) -> str:
    """The page with up-to-date tables."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return before + START + tables(REASONS.values()) + END + after


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
