"""Fit the scorer's confidence to clusters that experts named, to draws from public tables, and to noise.

    python scripts/fit_confidence.py CLUSTERS.csv [--tables DIR]

CLUSTERS.csv is that of predict_benchmark.py with a column expert_cl_id. From the public tables in DIR ten genes of each
type are drawn, and judged without that table's corroboration. Prints CONFIDENCE and BEYOND_CHANCE of likelihood.py,
and how well they hold: in five parts, each judged by a fit to the other four.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Optional

import numpy as np
import pandas as pd
from attrs import evolve, frozen
from scipy.optimize import minimize

import gca_scanpy as gca
from gca_scanpy._scoring import index, likelihood
from gca_scanpy._scoring.database import MarkerDatabase
from gca_scanpy._scoring.weights import weighted_genes
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.db import _bundled

N_MARKERS, LENGTHS, RANDOM_LISTS, PENALTY = 10, (5, 10, 20, 50), 400, 0.01
LEVELS = (0.0, 0.3, 0.6, 0.7, 0.8, 0.9, 0.92, 0.95, 0.97, 1.01)


@frozen
class Case:
    """Genes with the terms that are right for them, none for noise."""

    origin: str
    genes: list[str]
    species: str
    tissue: str
    terms: tuple[str, ...]


def named(path: Path) -> list[Case]:
    """The clusters that an expert gave a Cell Ontology term."""
    table = pd.read_csv(path).dropna(subset=["expert_cl_id"])
    return [
        Case("clusters", row.markers.split(",")[:N_MARKERS], row.species, str(row.tissue), _terms(row.expert_cl_id))
        for row in table.itertuples()
    ]


def _terms(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(",") if part.strip())


def drawn(database: MarkerDatabase, origin: str, dice: random.Random) -> list[Case]:
    """Ten genes of each type of a public table, canonical ones twice as likely."""
    facts = database.facts[database.facts["role"].eq("positive") & database.facts["cl_id"].ne("")]
    cases = []
    for term, own in facts.groupby("cl_id"):
        weights = [2.0 if strength == "canonical" else 1.0 for strength in own["strength"]]
        order = sorted(zip(own["gene"], weights), key=lambda item: -(dice.random() ** (1 / item[1])))
        species = "mouse" if own["species"].eq("mouse").all() else "human"
        tissue = own["tissue"].iloc[0].split(";")[0]
        if len(order) >= N_MARKERS:
            genes = [gene for gene, _ in order[:N_MARKERS]]
            cases.append(Case(origin, genes, species, "" if tissue == "general" else tissue, (str(term),)))
    return cases


def noise(pool: list[str], dice: random.Random) -> list[Case]:
    return [Case("noise", dice.sample(pool, n), "human", "", ()) for n in LENGTHS for _ in range(RANDOM_LISTS)]


def features(case: Case, used: index.MarkerIndex) -> Optional[tuple[list[float], bool]]:
    """What the confidence goes by, and whether the proposed label is of the right broad type."""
    symbols = _bundled.gene_names().canonical_all(case.genes, case.species, used.known)
    cluster = ClusterMarkers("0", tuple(RankedGene(g, symbols[g]) for g in dict.fromkeys(case.genes)))
    candidates = likelihood.rank(cluster, _bundled.tissues().resolve(case.tissue), used)
    if not candidates or candidates[0].score <= 0:
        return None
    best, proposed = candidates[0], likelihood.choose(candidates, used).ontology_id
    disjoint = (c.score for c in candidates if used.lineages.disjoint(best.ontology_id, c.ontology_id))
    rival = min(max(next(disjoint, 0.0) / best.score, 0.0), 1.0)
    recognized = sum(gene.weight for gene in weighted_genes(cluster) if gene.symbol in used.hits)
    return [1.0, math.log(best.score), math.log(max(recognized, 0.1)), rival], any(
        _kin(proposed, term) for term in case.terms
    )


def _kin(proposed: Optional[str], term: str) -> bool:
    lineages = _bundled.lineages()
    related = proposed is not None and lineages.ontology.related(proposed, term)
    return related or (lineages.broad(term) is not None and lineages.broad(proposed) == lineages.broad(term))


def gathered(cases: Iterable[Case], database: MarkerDatabase) -> tuple[list[list[float]], list[bool], list[str]]:
    orthologs = _bundled.gene_names().orthologs
    used = {s: index.build(database, s, _bundled.lineages(), orthologs) for s in ("human", "mouse")}
    found = [(features(case, used[case.species]), case.origin) for case in cases]
    known = [(f[0], f[1], origin) for f, origin in found if f is not None]
    return [k[0] for k in known], [k[1] for k in known], [k[2] for k in known]


def without(database: MarkerDatabase, source: str) -> MarkerDatabase:
    stated = [";".join(s for s in cell.split(";") if s and s != source) for cell in database.facts["sources"]]
    return evolve(database, facts=database.facts.assign(sources=stated), sha256=f"without {source}")


def fit(x: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Logistic regression, hardly penalised."""

    def loss(slopes: np.ndarray) -> float:
        z = x @ slopes
        return float(np.logaddexp(0, -z)[right].sum() + np.logaddexp(0, z)[~right].sum() + PENALTY * slopes @ slopes)

    return minimize(loss, np.zeros(x.shape[1]), method="L-BFGS-B").x


def held_out(x: np.ndarray, right: np.ndarray, n_parts: int = 5) -> np.ndarray:
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
    random_lists = [case for pool in pools for case in noise(pool, dice)]
    parts = [gathered([*named(args.clusters), *random_lists], bundled)]
    for path in sorted(args.tables.glob("*.*sv")) if args.tables else []:
        table = gca.db.load(path)
        source = str(table.facts["sources"].iloc[0])
        parts.append(gathered(drawn(table, path.stem, dice), without(bundled, source)))
    x = np.array([row for part in parts for row in part[0]])
    right = np.array([value for part in parts for value in part[1]])
    origin = np.array([name for part in parts for name in part[2]])
    score = held_out(x, right)
    print("CONFIDENCE =", tuple(round(float(s), 2) for s in fit(x, right)))
    chance = x * np.array([1.0, 1.0, 1.0, 0.0])
    real = origin != "noise"
    print("BEYOND_CHANCE =", tuple(round(float(s), 2) for s in fit(chance, real)))
    for name in dict.fromkeys(origin):
        show(name, score[origin == name], right[origin == name])


if __name__ == "__main__":
    main()
