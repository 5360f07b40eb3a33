"""Measure what each number of the scorer is worth: how the figures change if it has no effect, or is halved or doubled.

    python scripts/ablate.py CLUSTERS.csv ... --agreement agreement.py [--jobs N] [--write]

CLUSTERS.csv is the input of predict_benchmark.py and has the columns expert_cl_id and expert_broad_type; agreement.py
is the benchmark's rule. Numbers that these gene lists never reach are listed, but not measured: they act on an
expression matrix, on given labels, or on several language models. --write replaces the table in docs/scoring.md.
"""

from __future__ import annotations

import argparse
import importlib.util
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
from write_scoring import PAGE, value_text, with_part

import gca_scanpy as gca
from gca_scanpy._scoring import numbers
from gca_scanpy.db import _bundled

MARK = "ablation"
N_MARKERS, N_BINS, RELATED, VISIBLE = 50, 10, 0.5, 0.001
SECTIONS = (numbers.WEIGHTS, numbers.INFORMATION, numbers.SCORES, numbers.PATH, numbers.CHECKS, numbers.STATES)
AT_MOST_ONE = ("share", "probability")  # units of numbers that are not doubled beyond 1
FIGURES = ("proposed", "same term", "shown", "held back", "wrong among High", "calibration error")


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
    if number.metadata["origin"] == numbers.CONVENTION:
        return
    if isinstance(value, tuple):  # intercept and slopes
        for place in range(1, len(value)):
            slopes = (*value[:place], 0.0, *value[place + 1 :])
            yield Change(f"{name}[{place}]", f"{value_text(value[place])} → 0", {name: slopes})
        return
    limit = 1.0 if number.metadata["unit"] in AT_MOST_ONE else float("inf")
    others = [neutral] if neutral is not None else [v for v in (value / 2, value * 2) if v <= limit]
    for other in others:
        text = "no limit" if other == numbers.UNLIMITED else value_text(other)
        yield Change(name, f"{value_text(value)} → {text}", {name: other})


class Recorder:
    """The numbers, with a note of which were read."""

    def __init__(self, used: numbers.Numbers) -> None:
        self.used, self.read = used, set[str]()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self.used, name)


def rule_of(script: Path) -> Any:
    """The benchmark's rule."""
    spec = importlib.util.spec_from_file_location("agreement", script)
    rule = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rule)
    return rule


def measured(tables: Sequence[pd.DataFrame], rule: Any) -> dict[str, float]:
    """The figures over all clusters of all tables."""
    judge = rule.Agreement()
    rows = [row for table in tables for row in _judged(table, rule, judge)]
    f = pd.DataFrame(rows, columns=["proposed", "shown", "status", "level", "score", "term", "covers"])
    named = f[f["term"].ne("")]
    figures = (
        f["proposed"].mean(),
        f["proposed"].eq(1).mean(),
        f["shown"].mean(),
        (f["status"].ne("supported") & f["proposed"].ge(RELATED)).mean(),
        named.loc[named["level"].eq("High"), "shown"].eq(0).mean(),
        calibration_error(named["score"], named["covers"]),
    )
    return dict(zip(FIGURES, figures))


def _judged(table: pd.DataFrame, rule: Any, judge: Any) -> Iterator[tuple[Any, ...]]:
    """A row for each cluster; each species and tissue is one run."""
    ancestors = _bundled.ontology().ancestors
    for (species, tissue), rows in table.groupby(["species", "tissue"]):
        lists = {str(row.cluster): row.markers.split(",")[:N_MARKERS] for row in rows.itertuples()}
        experts = {
            str(row.cluster): (rule.split(row.expert_cl_id), rule.split(row.expert_broad_type))
            for row in rows.itertuples()
        }
        report = gca.annotate_markers(lists, species=species, tissue=tissue or None)
        for cluster in report.clusters:
            terms, broad = experts[cluster.cluster_id]
            label = cluster.annotation
            yield (
                judge.score([label.proposed_ontology_id or ""], terms, broad),
                judge.score([label.ontology_id or ""], terms, broad),
                cluster.status,
                cluster.confidence,
                float(cluster.confidence_score),
                label.ontology_id or "",
                any(label.ontology_id in (term, *ancestors(term)) for term in terms),
            )


def calibration_error(score: pd.Series, right: pd.Series) -> float:
    """Mean difference of the confidence and the share of right labels, over ten bins."""
    bins = pd.cut(score, np.linspace(0, 1, N_BINS + 1), include_lowest=True)
    frame = pd.DataFrame({"score": score, "right": right.astype(float)})
    sums = frame.groupby(bins, observed=True).sum()
    return float((sums["score"] - sums["right"]).abs().sum() / len(frame)) if len(frame) else float("nan")


def reached(tables: Sequence[pd.DataFrame], rule: Any) -> tuple[dict[str, float], set[str]]:
    """The figures of the released numbers, and the numbers that were read on the way."""
    recorder = Recorder(numbers.NUMBERS)
    with mock.patch.object(numbers, "NUMBERS", recorder):
        figures = measured(tables, rule)
    return figures, recorder.read


def changed(change: Change, paths: Sequence[Path], agreement: Path) -> dict[str, float]:
    """The figures with one change; it is also run in another process, so it reads the files itself."""
    warnings.simplefilter("ignore", gca.GcaWarning)
    with numbers.override(**change.override):
        return measured([read(path) for path in paths], rule_of(agreement))


def _each(tried: Sequence[Change], paths: Sequence[Path], agreement: Path, jobs: int) -> list[dict[str, float]]:
    """The figures of each change, in order."""
    work = partial(changed, paths=paths, agreement=agreement)
    if jobs == 1:
        return list(map(work, tried))
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(work, tried))


def read(path: Path) -> pd.DataFrame:
    """A table of clusters."""
    return pd.read_csv(path, keep_default_na=False)


def table(base: Mapping[str, float], rows: Sequence[tuple[Change, Mapping[str, float]]], unread: Sequence[str]) -> str:
    """The figures of the released numbers, the differences from them, and which numbers were not measured."""
    lines = [
        f"| number | value | {' | '.join(FIGURES)} |",
        f"|---|---|{'---|' * len(FIGURES)}",
        f"| as released | | {' | '.join(f'{base[name]:.3f}' for name in FIGURES)} |",
    ]
    for change, figures in rows:
        differences = " | ".join(_difference(figures[name] - base[name]) for name in FIGURES)
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
        change.name
        for change, figures in rows
        if not all(abs(figures[name] - base[name]) < VISIBLE for name in FIGURES)
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
    warnings.simplefilter("ignore", gca.GcaWarning)
    base, was_read = reached([read(path) for path in args.clusters], rule_of(args.agreement))
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
