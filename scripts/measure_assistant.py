"""Measure which labels of a scripted assistant the tool check_label of `gca mcp` stops.

    python scripts/measure_assistant.py CLUSTERS.csv [CLUSTERS.csv ...] --agreement agreement.py [--genes 10] [--seed 5]

The tables and agreement.py are those of measure_labels.py; a column `dataset` names the study. The assistant labels
each cluster with the expert's term, but in 30 of 100 clusters with the term of another cluster of the same species,
one that is unrelated to the expert's terms: in half of these a type of another lineage (data/lineages.tsv says which
lineages exclude each other), and in the others a type of the same lineage. The benchmark's rule gives the former no
agreement. Each label is checked by a call of the tool, with the first genes of the cluster and its tissue. The script
prints the share of the labels of each kind that was stopped, for all clusters and for each half of the studies, which
are halved as in fit_levels.py.
"""

from __future__ import annotations

import argparse
import random
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import pandas as pd
from measure_labels import TRIES, agreement, read, rule_of

from gca_scanpy._cli.mcp import call
from gca_scanpy.db import _bundled

WRONG = 0.3  # share of the labels
KINDS = ("right", "other lineage", "same lineage")


def kind_of(term: str, row: Any, rule: Any) -> Optional[str]:
    """How a term is wrong for a cluster; None if it is not, or not clearly."""
    lineages = _bundled.lineages()
    if any(lineages.ontology.related(term, own) for own in row.terms):
        return None
    if all(lineages.disjoint(term, own) for own in row.terms):
        return "other lineage" if agreement(rule, term, row) == 0 else None
    lineage = lineages.lineage(term)
    return "same lineage" if lineage is not None and lineage == lineages.lineage(row.terms[0]) else None


def labels(table: pd.DataFrame, rule: Any, dice: random.Random) -> Iterator[tuple[Any, str, str]]:
    """Each cluster with the kind of its label and the label, a term."""
    rows = list(table.itertuples())
    wrong = dice.sample(range(len(rows)), round(WRONG * len(rows)))
    asked = dict.fromkeys(wrong[::2], "other lineage") | dict.fromkeys(wrong[1::2], "same lineage")
    for number, row in enumerate(rows):
        kind, term = asked.get(number, "right"), row.terms[0]
        if kind != "right":
            drawn = (dice.choice(rows) for _ in range(TRIES))
            terms = (other.terms[0] for other in drawn if other.species == row.species)
            found = next((term for term in terms if kind_of(term, row, rule) == kind), None)
            kind, term = (kind, found) if found else ("right", term)
        if term in _bundled.ontology():
            yield row, kind, term


def checked(table: pd.DataFrame, rule: Any, n_genes: int, seed: int) -> pd.DataFrame:
    """A row per label: its kind, the study of the cluster, and the verdict of the tool."""
    rows = []
    for row, kind, term in labels(table, rule, random.Random(seed)):
        arguments = {"markers": row.genes[:n_genes], "labels": _bundled.ontology().label(term), "species": row.species}
        answer = call(None, "check_label", {**arguments, "tissue": row.tissue or None})
        rows.append((kind, row.dataset, answer["labels"][0]["verdict"]))
    return pd.DataFrame(rows, columns=["kind", "study", "verdict"])


def shares(found: pd.DataFrame) -> str:
    """The share of stopped labels by kind, and how many of them were contradicted rather than without support."""
    texts = []
    for kind in KINDS:
        verdicts = found.loc[found["kind"] == kind, "verdict"]
        stopped, contradicted = (verdicts != "supported").mean(), (verdicts == "contradicted").mean()
        texts.append(f"{kind} {stopped:.3f} of {len(verdicts)} ({contradicted:.3f} contradicted)")
    return ", ".join(texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clusters", type=Path, nargs="+")
    parser.add_argument("--agreement", type=Path, required=True, help="agreement.py of the benchmark")
    parser.add_argument("--genes", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=4, help="how often the assistant labels all clusters")
    args = parser.parse_args()
    rule = rule_of(args.agreement)
    for path in args.clusters:
        table = read(path)
        for n_genes in args.genes:
            rounds = range(args.seed, args.seed + args.rounds)
            found = pd.concat([checked(table, rule, n_genes, seed) for seed in rounds])
            print(f"{path.name}, {n_genes} genes, {len(found)} labels of {len(table)} clusters; stopped:")
            print(f"  all: {shares(found)}")
            halves = found["study"].map(lambda study: zlib.crc32(study.encode()) % 2)
            for half, part in found.groupby(halves):
                print(f"  half {half} of the studies: {shares(part)}")


if __name__ == "__main__":
    main()
