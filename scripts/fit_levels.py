"""Fit the probabilities of the scorer: of a level, that genes are not random, and that a given label is right.

    python scripts/fit_levels.py CLUSTERS.csv [CLUSTERS.csv ...] --agreement agreement.py

The tables are as for measure_labels.py, and have a column `study` or `dataset`. Each list is used with its first 10 and
its first 50 genes. The script prints the fields `level`, `chance` and `given` of gca_scanpy/_scoring/numbers, fitted
to all clusters and to each half of the studies, and how the half that was not fitted is calibrated.

- `level`: every term of a list, right if it is an expert's term or its ancestor. Each list has the same weight.
- `chance`: lists whose best candidate is related to the expert's term, against random lists of 10 and 50 genes of
  the database and of all genes. Both sides have the same weight.
- `given`: the expert's label against wrong labels. The intercept is set so that 99 % of those of another lineage fail.
"""

from __future__ import annotations

import argparse
import random
import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import frozen
from measure_labels import RELATED, agreement, calibration_error, covers, read, rule_of
from scipy.optimize import minimize

import gca_scanpy as gca
from gca_scanpy._judging.label import given_features, own_candidate
from gca_scanpy._scoring import index
from gca_scanpy._scoring.case import Case, Limits
from gca_scanpy._scoring.path import key_of, level_features, shares
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.db import _bundled

LENGTHS, RANDOM_LISTS, WRONG_LABELS = (10, 50), 400, 5
PENALTY_LEVEL, PENALTY_OTHERS, PASSING_WRONG = 1e-3, 1e-4, 0.01
BINS = np.linspace(0, 1, 11)

Floats = npt.NDArray[np.float64]


@frozen
class Example:
    """A list of genes with its row in the table; random genes have none."""

    case: Case
    row: Optional[Any] = None
    half: int = 0


@frozen
class Data:
    """What a logistic regression is fitted to.

    Attributes
    ----------
    features
        Shape (rows, features); the first is 1.
    right
        Whether the row is right; shape (rows,).
    weights
        Shape (rows,).
    halves
        0 or 1: the half of the studies; shape (rows,).
    """

    features: Floats
    right: npt.NDArray[np.bool_]
    weights: Floats
    halves: npt.NDArray[np.intp]

    @classmethod
    def of(cls, rows: Iterable[tuple[tuple[float, ...], bool, float, int]], *, balanced: bool = False) -> Data:
        """Collect rows of features, right, weight and half; ``balanced`` gives both sides the same weight."""
        features, right, weights, halves = (np.array(column) for column in zip(*rows))
        if balanced:
            weights = np.where(right, 1 / max(right.sum(), 1), 1 / max((~right).sum(), 1))
        return cls(features.astype(float), right.astype(bool), weights.astype(float), halves.astype(int))

    def of_half(self, half: int) -> Data:
        """The rows of one half of the studies."""
        at = self.halves == half
        return Data(self.features[at], self.right[at], self.weights[at], self.halves[at])


def indexes() -> Mapping[str, index.MarkerIndex]:
    """The bundled database by species."""
    orthologs = _bundled.gene_names().orthologs
    return {s: index.build(_bundled.database(), s, _bundled.lineages(), orthologs) for s in ("human", "mouse")}


def case_of(genes: Sequence[str], species: str, tissue: str, used: Mapping[str, index.MarkerIndex]) -> Case:
    """Score a list of genes."""
    built = used[species]
    symbols = _bundled.gene_names().canonical_all(genes, species, built.known)
    markers = ClusterMarkers("0", tuple(RankedGene(gene, symbols[gene]) for gene in genes))
    return Case.of(markers, built, _bundled.tissues().resolve(tissue), Limits.of(gca.settings.current()))


def labeled(table: pd.DataFrame, used: Mapping[str, index.MarkerIndex]) -> list[Example]:
    """The clusters of a table, with each number of genes; studies are halved by a checksum of their names."""
    column = "study" if "study" in table else "dataset"
    return [
        Example(case_of(row.genes[:n], row.species, row.tissue, used), row, zlib.crc32(study.encode()) % 2)
        for row, study in zip(table.itertuples(), table[column])
        for n in LENGTHS
        if n == LENGTHS[0] or len(row.genes) > LENGTHS[0]
    ]


def random_lists(used: Mapping[str, index.MarkerIndex], n: int, dice: random.Random) -> list[Example]:
    """Random human genes, of the database and of all genes."""
    pools = sorted(set(_bundled.database().facts["gene"])), sorted(_bundled.gene_names().approved)
    lists = (dice.sample(pool, length) for pool in pools for length in LENGTHS for _ in range(n))
    return [Example(case_of(genes, "human", "", used), None, i % 2) for i, genes in enumerate(lists)]


def levels_of(examples: Iterable[Example]) -> Iterator[tuple[tuple[float, ...], bool, float, int]]:
    """The terms of each list that is beyond chance."""
    for example in examples:
        case, strength = example.case, example.case.strength
        if strength is None or not strength.beyond_chance or example.row is None:
            continue
        terms = shares(case.candidates, case.index)
        for key, share in terms.items():
            right = covers(key, example.row.terms)
            yield level_features(key, share, strength, case.index), right, 1 / len(terms), example.half


def chances_of(examples: Iterable[Example], rule: Any) -> Iterator[tuple[tuple[float, ...], bool, float, int]]:
    """Whether each list is real, without the real ones whose best candidate is wrong."""
    for example in examples:
        strength, row = example.case.strength, example.row
        if strength is None or strength.best <= 0:
            continue
        if row is None or agreement(rule, key_of(example.case.candidates[0]), row) >= RELATED:
            yield strength.features(), row is not None, 1.0, example.half


def given_to(
    examples: Iterable[Example], rule: Any, dice: random.Random
) -> Iterator[tuple[tuple[tuple[float, ...], bool, float, int], bool]]:
    """Each list with the expert's label and with wrong ones, and whether the label is of a lineage that is excluded."""
    for example in examples:
        row, lineages = example.row, example.case.index.lineages
        if row is None or not example.case.candidates:
            continue
        described = sorted(key for key, kind in example.case.index.types.items() if kind.id is not None)
        drawn = dice.sample(described, min(len(described), 4 * WRONG_LABELS))
        wrong = [term for term in drawn if agreement(rule, term, row) == 0][:WRONG_LABELS]
        for term in (row.terms[0], *wrong):
            own = own_candidate(
                term, lineages.ontology.label(term) if term in lineages.ontology else term, example.case
            )
            if own is not None:
                right = term == row.terms[0]
                features = given_features(own, term, example.case)
                yield (features, right, 1.0, example.half), not right and lineages.disjoint(term, row.terms[0])


def fit(data: Data, penalty: float) -> Floats:
    """Logistic regression; the intercept has no penalty."""

    def loss(slopes: Floats) -> tuple[float, Floats]:
        z = data.features @ slopes
        signs = np.where(data.right, -1.0, 1.0)
        total = data.weights.sum()
        free = np.concatenate([[0.0], slopes[1:]])
        value = (data.weights * np.logaddexp(0, signs * z)).sum() / total + penalty * free @ free
        slope = data.features.T @ (data.weights * (probability(data.features, slopes) - data.right)) / total
        return float(value), slope + 2 * penalty * free

    return np.asarray(minimize(loss, np.zeros(data.features.shape[1]), jac=True, method="L-BFGS-B").x)


def probability(features: Floats, slopes: Floats) -> Floats:
    """The logistic function."""
    return np.asarray(0.5 * (1 + np.tanh(features @ slopes / 2)))


def strict(slopes: Floats, wrong: Floats) -> Floats:
    """The slopes with the intercept with which only so few of the wrong labels pass."""
    least = float(np.quantile(wrong @ slopes, 1 - PASSING_WRONG))
    return np.concatenate([[slopes[0] - least], slopes[1:]])


def written(slopes: Floats) -> str:
    return f"({', '.join(f'{slope:.3f}' for slope in slopes)})"


def show(name: str, data: Data, penalty: float) -> Floats:
    """Print the slopes and the calibration of each half by the slopes of the other; give the slopes of all."""
    slopes = fit(data, penalty)
    print(f"{name} = {written(slopes)}")
    expected = np.empty(len(data.right))
    for half in (0, 1):
        found = fit(data.of_half(1 - half), penalty)
        print(f"  without half {half}: {written(found)}")
        at = data.halves == half
        expected[at] = probability(data.features[at], found)
    table = pd.DataFrame({"p": expected, "right": data.right})
    loss = -np.log(np.where(data.right, expected, 1 - expected).clip(1e-9)).mean()
    error = calibration_error(table["p"], table["right"])
    print(f"  {len(table)} rows, log loss {loss:.4f}, calibration error {error:.3f}")
    for at, rows in table.groupby(pd.cut(table["p"], BINS, include_lowest=True), observed=True):
        print(f"  {at.left:.1f} to {at.right:.1f}: {len(rows)} rows, {rows['right'].mean():.3f} right")
    return slopes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clusters", type=Path, nargs="+")
    parser.add_argument("--agreement", type=Path, required=True, help="agreement.py of the benchmark")
    parser.add_argument("--random-lists", type=int, default=RANDOM_LISTS, help="of each length and kind")
    args = parser.parse_args()
    warnings.simplefilter("ignore", gca.GcaWarning)
    used, rule, dice = indexes(), rule_of(args.agreement), random.Random(0)
    real = [example for path in args.clusters for example in labeled(read(path), used)]
    show("level", Data.of(levels_of(real)), PENALTY_LEVEL)
    lists = [*real, *random_lists(used, args.random_lists, dice)]
    show("chance", Data.of(chances_of(lists, rule), balanced=True), PENALTY_OTHERS)
    rows = list(given_to(real, rule, dice))
    given = Data.of((row for row, _ in rows), balanced=True)
    is_other = np.array([other for _, other in rows])
    slopes = strict(show("given, before its intercept is set", given, PENALTY_OTHERS), given.features[is_other])
    passing = given.features @ slopes >= 0
    print(f"given = {written(slopes)}")
    print(
        f"  {passing[given.right].mean():.3f} of the experts' labels pass, {passing[is_other].mean():.3f} of those of"
    )
    print("  another lineage; labels that no gene speaks for are not counted")


if __name__ == "__main__":
    main()
