"""Measure what each number of the scorer is worth: how the figures change if it has no effect, or is halved or doubled.

    python scripts/ablate.py CLUSTERS.csv ... --agreement agreement.py --cells FOLDER [--jobs N] [--write]

The arguments are those of measure_labels.py and measure_cells.py, which explain the figures. A number is measured where
it acts: first on lists of genes; if it does not act there, on labels that are given for these; and if it does not act
there either, on the cells. --write replaces the tables in docs/scoring.md.
"""

from __future__ import annotations

import argparse
import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Optional
from unittest import mock

import numpy as np
import pandas as pd
from attrs import field, fields_dict, frozen
from measure_cells import figures as cell_figures
from measure_labels import annotated, figures, flagged, read, rule_of, wrong_labels
from write_scoring import PAGE, value_text, with_part

import gca_scanpy as gca
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.numbers.genes import (
    CHECKS,
    CONVENTION,
    EXPRESSION,
    INFORMATION,
    MIXTURES,
    PATH,
    SCORES,
    STATES,
    UNLIMITED,
    WEIGHTS,
)

N_MARKERS, N_GIVEN, VISIBLE = 50, 10, 0.001
SECTIONS = (WEIGHTS, INFORMATION, SCORES, PATH, CHECKS, STATES, EXPRESSION, MIXTURES)
AT_MOST_ONE = ("share", "probability")  # units of numbers that are not doubled beyond 1
OF_LISTS = {  # names of measure_labels, with the heads of the columns
    "proposed label, agreement": "proposed label",
    "same": "same term",
    "label shown, agreement": "label shown",
    "held back": "held back",
    "zero among High": "zero among High",
    "calibration error": "calibration error",
}
OF_GIVEN = {"own": "experts' labels flagged", "wrong": "wrong labels flagged"}
OF_CELLS = {  # names of measure_cells, with the heads of the columns
    "exact": "exact",
    "Unknown": "Unknown",
    "other": "another term",
    "held back": "held back",
    "joined": "joined clusters without a label",
    "single": "single types flagged as mixed",
    "one of two": "two related types named as one",
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


Rows = Sequence[tuple[Change, Mapping[str, float]]]


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
    # A number of cells or genes stays whole.
    others = [neutral] if neutral is not None else [type(value)(v) for v in (value / 2, value * 2) if v <= limit]
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


@frozen
class Measure:
    """Something that the numbers act on, and what is measured there.

    Attributes
    ----------
    mark
        The place of its table in docs/scoring.md.
    heads
        The heads of the columns, by the name of the figure.
    take
        Measures the figures.
    """

    mark: str
    heads: Mapping[str, str]
    take: Callable[[], dict[str, float]]

    def base(self) -> tuple[dict[str, float], set[str]]:
        """The figures of the released numbers, and the numbers that were read on the way."""
        recorder = Recorder(numbers.NUMBERS)
        with mock.patch.object(numbers, "NUMBERS", recorder):
            return self.take(), recorder.names

    def changed(self, change: Change) -> dict[str, float]:
        """The figures with one change, perhaps in a process of its own."""
        warnings.simplefilter("ignore")
        with numbers.override(**change.override):
            return self.take()

    def each(self, tried: Sequence[Change], jobs: int) -> list[dict[str, float]]:
        """The figures of each change, in order."""
        if jobs == 1:
            return list(map(self.changed, tried))
        with ProcessPoolExecutor(jobs) as pool:
            return list(pool.map(self.changed, tried))


def of_lists(paths: Sequence[Path], agreement: Path) -> dict[str, float]:
    """The figures over the clusters of all tables."""
    rule, database = rule_of(agreement), gca.db.load("bundled")
    every = figures(pd.concat([annotated(read(path), N_MARKERS, rule, database) for path in paths]))
    return {name: every[name] for name in OF_LISTS}


def of_given(paths: Sequence[Path], agreement: Path) -> dict[str, float]:
    """How many of the experts' labels, and of wrong ones, are flagged if they are given."""
    rule, database = rule_of(agreement), gca.db.load("bundled")
    table = pd.concat([read(path) for path in paths], ignore_index=True)
    given = {"own": table["terms"].str[0], "wrong": wrong_labels(table, rule, random.Random(5))}
    return {name: flagged(table, terms, N_GIVEN, database) for name, terms in given.items()}


def table(heads: Mapping[str, str], base: Mapping[str, float], rows: Rows) -> str:
    """The figures of the released numbers, and the differences from them."""
    lines = [
        f"| number | value | {' | '.join(heads.values())} |",
        f"|---|---|{'---|' * len(heads)}",
        f"| as released | | {' | '.join(f'{base[name]:.3f}' for name in heads)} |",
    ]
    for change, other in rows:
        differences = " | ".join(_difference(other[name] - base[name]) for name in heads)
        lines.append(f"| `{change.name}` | {change.value} | {differences} |")
    return "\n".join(lines) + "\n"


def _difference(value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:+.3f}".replace("-", "−") if abs(value) >= VISIBLE / 2 else "0"


def without_effect(base: Mapping[str, float], rows: Rows) -> list[str]:
    """The numbers of which no change is visible in any figure."""
    visible = {
        change.name for change, other in rows if not all(abs(other[name] - base[name]) < VISIBLE for name in base)
    }
    return [name for name in dict.fromkeys(change.name for change, _ in rows) if name not in visible]


def ablated(measures: Sequence[Measure], names: Sequence[str], jobs: int) -> Iterator[tuple[Measure, str, list[str]]]:
    """The table of each measure, and the numbers without effect there, which the next one tries again."""
    left = list(names)
    for measure in measures:
        base, was_read = measure.base()
        tried = [change for name in left if name in was_read for change in changes(name)]
        rows = list(zip(tried, measure.each(tried, jobs)))
        idle = without_effect(base, rows)
        yield measure, table(measure.heads, base, rows), idle
        left = [name for name in left if name not in was_read or name in idle]


def main(words: Optional[Sequence[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clusters", type=Path, nargs="+")
    parser.add_argument("--agreement", type=Path, required=True)
    parser.add_argument("--cells", type=Path, help="the folder of measure_cells.py")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--write", action="store_true", help="replace the tables in docs/scoring.md")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these numbers")
    args = parser.parse_args(words)
    warnings.simplefilter("ignore")
    measures = [
        Measure("ablation", OF_LISTS, partial(of_lists, args.clusters, args.agreement)),
        Measure("ablation of given labels", OF_GIVEN, partial(of_given, args.clusters, args.agreement)),
    ]
    if args.cells:
        measures.append(Measure("ablation of cells", OF_CELLS, partial(cell_figures, args.cells)))
    deciding = [n.name for n in fields_dict(numbers.Numbers).values() if n.metadata["section"] in SECTIONS]
    names = [name for name in deciding if args.only is None or name in args.only]
    for measure, text, idle in ablated(measures, names, args.jobs):
        print(text)
        print("No visible effect:", ", ".join(idle) or "none", flush=True)
        if args.write:
            PAGE.write_text(with_part(PAGE.read_text(encoding="utf-8"), measure.mark, text), encoding="utf-8")


if __name__ == "__main__":
    main()
