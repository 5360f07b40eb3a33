"""Fit the confidence of the scorer to clusters with expert labels, draws from public tables, and random genes.

    python scripts/fit_confidence.py CLUSTERS.csv [--tables DIR]

CLUSTERS.csv is the input of predict_benchmark.py and has a column expert_cl_id. From each public table in DIR, ten
genes of each type are drawn and scored without that table's corroboration. The script prints the fields `confidence`
and `beyond_chance` of gca_scanpy/_scoring/numbers.py, and the calibration in a five-fold cross-validation.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Optional

import numpy as np
import pandas as pd
from attrs import evolve, frozen
from scipy.optimize import minimize

import gca_scanpy as gca
from gca_scanpy._scoring import index, offline
from gca_scanpy._scoring.case import Case, Limits
from gca_scanpy._scoring.database import MarkerDatabase
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.db import _bundled

N_MARKERS, LENGTHS, RANDOM_LISTS, PENALTY = 10, (5, 10, 20, 50), 400, 0.01
LEVELS = (0.0, 0.3, 0.6, 0.7, 0.8, 0.9, 0.92, 0.95, 0.97, 1.01)


@frozen
class Example:
    """Genes with their correct terms; random genes have none."""

    origin: str
    genes: list[str]
    species: str
    tissue: str
    terms: tuple[str, ...]


def labeled(path: Path) -> list[Example]:
    """The clusters with an expert's Cell Ontology term."""
    table = pd.read_csv(path).dropna(subset=["expert_cl_id"])
    return [
        Example("clusters", row.markers.split(",")[:N_MARKERS], row.species, str(row.tissue), _terms(row.expert_cl_id))
        for row in table.itertuples()
    ]


def _terms(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(",") if part.strip())


def drawn(database: MarkerDatabase, origin: str, dice: random.Random) -> list[Example]:
    """Ten genes of each type of a public table; canonical genes are drawn twice as likely."""
    facts = database.facts[database.facts["role"].eq("positive") & database.facts["cl_id"].ne("")]
    examples = []
    for term, rows in facts.groupby("cl_id"):
        weights = [2.0 if strength == "canonical" else 1.0 for strength in rows["strength"]]
        order = sorted(zip(rows["gene"], weights), key=lambda item: -(dice.random() ** (1 / item[1])))
        species = "mouse" if rows["species"].eq("mouse").all() else "human"
        tissue = rows["tissue"].iloc[0].split(";")[0]
        if len(order) >= N_MARKERS:
            genes = [gene for gene, _ in order[:N_MARKERS]]
            examples.append(Example(origin, genes, species, "" if tissue == "general" else tissue, (str(term),)))
    return examples


def noise(pool: list[str], dice: random.Random) -> list[Example]:
    return [Example("noise", dice.sample(pool, n), "human", "", ()) for n in LENGTHS for _ in range(RANDOM_LISTS)]


def features(example: Example, used: index.MarkerIndex) -> Optional[tuple[tuple[float, ...], bool]]:
    """The features of the confidence, and whether the proposed label has the right broad type."""
    symbols = _bundled.gene_names().canonical_all(example.genes, example.species, used.known)
    cluster = ClusterMarkers("0", tuple(RankedGene(g, symbols[g]) for g in dict.fromkeys(example.genes)))
    scored = Case.of(cluster, used, _bundled.tissues().resolve(example.tissue), Limits.of(gca.settings.current()))
    if not scored.candidates or scored.candidates[0].score <= 0:
        return None
    proposed = offline.choose(scored.candidates, used).ontology_id
    right = any(_kin(proposed, term) for term in example.terms)
    return offline.features(scored.candidates[0], scored), right


def _kin(proposed: Optional[str], term: str) -> bool:
    lineages = _bundled.lineages()
    related = proposed is not None and lineages.ontology.related(proposed, term)
    return related or (lineages.broad(term) is not None and lineages.broad(proposed) == lineages.broad(term))


def gathered(
    examples: Iterable[Example], database: MarkerDatabase
) -> tuple[list[tuple[float, ...]], list[bool], list[str]]:
    orthologs = _bundled.gene_names().orthologs
    used = {s: index.build(database, s, _bundled.lineages(), orthologs) for s in ("human", "mouse")}
    rows = [(features(example, used[example.species]), example.origin) for example in examples]
    scored = [(row[0], row[1], origin) for row, origin in rows if row is not None]
    return [values for values, _, _ in scored], [right for _, right, _ in scored], [origin for _, _, origin in scored]


def without(database: MarkerDatabase, source: str) -> MarkerDatabase:
    """The database without the corroboration of one source."""
    sources = [";".join(s for s in cell.split(";") if s and s != source) for cell in database.facts["sources"]]
    return evolve(database, facts=database.facts.assign(sources=sources), sha256=f"without {source}")


def fit(x: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Logistic regression with a small penalty."""

    def loss(slopes: np.ndarray) -> float:
        z = x @ slopes
        return float(np.logaddexp(0, -z)[right].sum() + np.logaddexp(0, z)[~right].sum() + PENALTY * slopes @ slopes)

    return minimize(loss, np.zeros(x.shape[1]), method="L-BFGS-B").x


def held_out(x: np.ndarray, right: np.ndarray, n_parts: int = 5) -> np.ndarray:
    """The confidence of each example, fitted without its part of the examples."""
    part = np.random.default_rng(0).integers(n_parts, size=len(x))
    score = np.empty(len(x))
    for k in range(n_parts):
        score[part == k] = 1 / (1 + np.exp(-x[part == k] @ fit(x[part != k], right[part != k])))
    return score


def show(name: str, score: np.ndarray, right: np.ndarray) -> None:
    print(f"{name}: {len(right)} lists, {right.mean():.3f} right")
    for low, high in zip(LEVELS, LEVELS[1:]):
        at = (score >= low) & (score < high)
        if at.any():
            print(f"  {low:.2f} to {min(high, 1.0):.2f}: {at.mean():6.1%} of them, {right[at].mean():.3f} right")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clusters", type=Path)
    parser.add_argument("--tables", type=Path, help="folder with public marker tables")
    args = parser.parse_args()
    dice, bundled = random.Random(0), _bundled.database()
    pools = sorted(set(bundled.facts["gene"])), sorted(_bundled.gene_names().approved)
    random_lists = [example for pool in pools for example in noise(pool, dice)]
    parts = [gathered([*labeled(args.clusters), *random_lists], bundled)]
    for path in sorted(args.tables.glob("*.*sv")) if args.tables else []:
        table = gca.db.load(path)
        source = str(table.facts["sources"].iloc[0])
        parts.append(gathered(drawn(table, path.stem, dice), without(bundled, source)))
    x = np.array([row for part in parts for row in part[0]])
    right = np.array([value for part in parts for value in part[1]])
    origin = np.array([name for part in parts for name in part[2]])
    score = held_out(x, right)
    print("confidence =", tuple(round(float(s), 2) for s in fit(x, right)))
    chance = x * np.array([1.0, 1.0, 1.0, 0.0])
    real = origin != "noise"
    print("beyond_chance =", tuple(round(float(s), 2) for s in fit(chance, real)))
    for name in dict.fromkeys(origin):
        show(name, score[origin == name], right[origin == name])


if __name__ == "__main__":
    main()
