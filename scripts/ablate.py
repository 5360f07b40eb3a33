"""Measure what each number of the scorer is worth: how the figures change if it has no effect, or is halved or doubled.

    python scripts/ablate.py CLUSTERS.csv ... --agreement agreement.py [--jobs N] [--write]

The arguments are those of measure_labels.py, which explains the figures. Numbers that these gene lists never reach are
listed, but not measured: they act on an expression matrix or on given labels. --write replaces the table in
docs/scoring.md.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Optional
from unittest import mock

import numpy as np
import pandas as pd
from attrs import field, fields_dict, frozen
from measure_labels import annotated, figures, read, rule_of
from write_scoring import PAGE, value_text, with_part

import gca_scanpy as gca
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.numbers.genes import (
    CHECKS,
    CONVENTION,
    INFORMATION,
    PATH,
    SCORES,
    STATES,
    UNLIMITED,
    WEIGHTS,
)

MARK = "ablation"
N_MARKERS, VISIBLE = 50, 0.001
SECTIONS = (WEIGHTS, INFORMATION, SCORES, PATH, CHECKS, STATES)
AT_MOST_ONE = ("share", "probability")  # units of numbers that are not doubled beyond 1
FIGURES = {  # names of measure_labels, with the heads of the columns
    "proposed label, agreement": "proposed label",
    "same": "same term",
    "label shown, agreement": "label shown",
    "held back": "held back",
    "zero among High": "zero among High",
    "calibration error": "calibration error",
}


@frozen
class Change:
    """One number, or one slope of several, with another value.

    Attributes
    ----------
    name
        The number as the table shows it; a slope has its place, such as ``level[1]``.
    value
        The other value, as the table shows it.
    override
        What :func:`numbers.override` gets.
    """

    name: str
    value: str
    override: Mapping[str, Any] = field(factory=dict)


def changes(name: str, kinds: type = numbers.Numbers) -> Iterator[Change]:
    """The ways in which a number is changed: to its neutral value, or else to half and to double of it."""
    number = fields_dict(kinds)[name]
    value, neutral = number.default, number.metadata["neutral"]
    if number.metadata["origin"] == CONVENTION:
        return
    if isinstance(value, tuple):  # intercept and slopes
        for place in range(1, len(value)):
            slopes = (*value[:place], 0.0, *value[place + 1 :])
            yield Change(f"{name}[{place}]", f"{value_text(value[place])} → 0", {name: slopes})
        return
    limit = 1.0 if number.metadata["unit"] in AT_MOST_ONE else float("inf")
    others = [neutral] if neutral is not None else [v for v in (value / 2, value * 2) if v <= limit]
    for other in others:
        text = "no limit" if other == UNLIMITED else value_text(other)
        yield Change(name, f"{value_text(value)} → {text}", {name: other})


class Recorder:
    """The numbers, with a note of which were read."""

    def __init__(self, used: numbers.Numbers) -> None:
        self.used, self.names = used, set[str]()

    def __getattr__(self, name: str) -> Any:
        self.names.add(name)
        return getattr(self.used, name)


def measured(paths: Sequence[Path], agreement: Path) -> dict[str, float]:
    """The figures over the clusters of all tables."""
    rule, database = rule_of(agreement), gca.db.load("bundled")
    every = figures(pd.concat([annotated(read(path), N_MARKERS, rule, database) for path in paths]))
    return {name: every[name] for name in FIGURES}


def reached(paths: Sequence[Path], agreement: Path) -> tuple[dict[str, float], set[str]]:
    """The figures of the released numbers, and the numbers that were read on the way."""
    recorder = Recorder(numbers.NUMBERS)
    with mock.patch.object(numbers, "NUMBERS", recorder):
        return measured(paths, agreement), recorder.names


def changed(change: Change, paths: Sequence[Path], agreement: Path) -> dict[str, float]:
    """The figures with one change, perhaps in a process of its own."""
    warnings.simplefilter("ignore", gca.errors.GcaWarning)
    with numbers.override(**change.override):
        return measured(paths, agreement)


def _each(tried: Sequence[Change], paths: Sequence[Path], agreement: Path, jobs: int) -> list[dict[str, float]]:
    """The figures of each change, in order."""
    work = partial(changed, paths=paths, agreement=agreement)
    if jobs == 1:
        return list(map(work, tried))
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(work, tried))


def table(base: Mapping[str, float], rows: Sequence[tuple[Change, Mapping[str, float]]], unread: Sequence[str]) -> str:
    """The figures of the released numbers, the differences from them, and which numbers were not measured."""
    lines = [
        f"| number | value | {' | '.join(FIGURES.values())} |",
        f"|---|---|{'---|' * len(FIGURES)}",
        f"| as released | | {' | '.join(f'{base[name]:.3f}' for name in FIGURES)} |",
    ]
    for change, other in rows:
        differences = " | ".join(_difference(other[name] - base[name]) for name in FIGURES)
        lines.append(f"| `{change.name}` | {change.value} | {differences} |")
    names = ", ".join(f"`{name}`" for name in unread)
    rest = f"\nNot reached by lists of genes: {names}.\n" if unread else ""
    return "\n".join(lines) + "\n" + rest


def _difference(value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:+.3f}".replace("-", "−") if abs(value) >= VISIBLE / 2 else "0"


def without_effect(base: Mapping[str, float], rows: Sequence[tuple[Change, Mapping[str, float]]]) -> list[str]:
    """The numbers of which no change is visible in any figure."""
    visible = {
        change.name for change, other in rows if not all(abs(other[name] - base[name]) < VISIBLE for name in FIGURES)
    }
    return [name for name in dict.fromkeys(change.name for change, _ in rows) if name not in visible]


def main(words: Optional[Sequence[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clusters", type=Path, nargs="+")
    parser.add_argument("--agreement", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--write", action="store_true", help="replace the table in docs/scoring.md")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these numbers")
    args = parser.parse_args(words)
    warnings.simplefilter("ignore", gca.errors.GcaWarning)
    base, was_read = reached(args.clusters, args.agreement)
    deciding = [n.name for n in fields_dict(numbers.Numbers).values() if n.metadata["section"] in SECTIONS]
    deciding = [name for name in deciding if args.only is None or name in args.only]
    tried = [change for name in deciding if name in was_read for change in changes(name)]
    rows = list(zip(tried, _each(tried, args.clusters, args.agreement, args.jobs)))
    text = table(base, rows, [name for name in deciding if name not in was_read])
    print(text)
    print("No visible effect:", ", ".join(without_effect(base, rows)) or "none")
    if args.write:
        PAGE.write_text(with_part(PAGE.read_text(encoding="utf-8"), MARK, text), encoding="utf-8")


if __name__ == "__main__":
    main()
