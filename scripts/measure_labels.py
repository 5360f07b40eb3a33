"""Measure labels from the marker genes of clusters with expert labels.

    python scripts/measure_labels.py CLUSTERS.csv --agreement agreement.py [--genes 10 50] [--marker-db TABLE ...]

CLUSTERS.csv has the columns cluster, markers, species, tissue and expert_cl_id, and may have expert_broad_type. The
benchmark's agreement.py says how far a label agrees with the experts: 1 if it is the same term, 0.5 if it is related.

For each number of genes the script prints

- the agreement of the proposed label and of the label shown, and how often the proposed one is the same and of no
  relation (zero);
- the share of clusters of High confidence, and how often their label is of no relation;
- held back: clusters that are Unknown or flagged although the proposed label is related;
- the calibration error of the confidence, in ten bins: a label is right if it is the expert's term or its ancestor.

At last it gives each cluster the expert's label, and a wrong one from another cluster, and prints how many are flagged.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import warnings
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pandas as pd

import gca_scanpy as gca
from gca_scanpy.db import _bundled

RELATED, TRIES, BINS = 0.5, 500, 10


def read(path: Path) -> pd.DataFrame:
    """The clusters, with a list of genes and of expert terms each."""
    table = pd.read_csv(path, keep_default_na=False, dtype=str)
    for column in ("tissue", "expert_broad_type"):
        if column not in table:
            table[column] = ""
    table["genes"] = [list(dict.fromkeys(_split(cell))) for cell in table["markers"]]
    table["terms"] = [_split(cell) for cell in table["expert_cl_id"]]
    table["broad"] = [_split(cell) for cell in table["expert_broad_type"]]
    return table[table["terms"].str.len() > 0].reset_index(drop=True)


def _split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(",") if part.strip()]


def rule_of(script: Path) -> Any:
    """The rule of agreement, from the script of the benchmark."""
    spec = importlib.util.spec_from_file_location("agreement", script)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{script} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Agreement()


def agreement(rule: Any, term: Optional[str], row: Any) -> float:
    """0, 0.5 or 1."""
    return float(rule.score([term] if term else [], row.terms, row.broad))


def covers(term: str, terms: list[str]) -> bool:
    """Whether a term is an expert's term or an ancestor of it; that is what its probability promises."""
    ancestors = _bundled.ontology().ancestors
    return any(term == other or term in ancestors(other) for other in terms)


def annotated(table: pd.DataFrame, n_genes: int, rule: Any, database: Any) -> pd.DataFrame:
    """A row per cluster: how its labels agree, its status, and its confidence."""
    rows: dict[str, dict[str, Any]] = {}
    for (species, tissue), group in table.groupby(["species", "tissue"]):
        truth = {row.cluster: row for row in group.itertuples()}
        lists = {name: row.genes[:n_genes] for name, row in truth.items()}
        report = gca.annotate_markers(lists, species=species, tissue=tissue or None, marker_db=database)
        for cluster in report.clusters:
            row, label = truth[cluster.cluster_id], cluster.annotation
            rows[cluster.cluster_id] = {
                "proposed": agreement(rule, label.proposed_ontology_id, row),
                "shown": agreement(rule, label.ontology_id, row),
                "supported": cluster.status == "supported",
                "high": cluster.confidence == "High" and label.ontology_id is not None,
                "probability": cluster.confidence_score,
                "has_term": label.ontology_id is not None,
                "covers": covers(label.ontology_id or "", row.terms),
            }
    return pd.DataFrame([rows[name] for name in table["cluster"]], index=table["cluster"])


def calibration_error(probability: pd.Series, right: pd.Series) -> float:
    """The mean difference of probability and share of right labels over ten bins, weighted by their labels."""
    bins = pd.cut(probability, np.linspace(0, 1, BINS + 1), include_lowest=True)
    means = pd.DataFrame({"p": probability, "right": right.astype(float)}).groupby(bins, observed=True).mean()
    sizes = probability.groupby(bins, observed=True).size()
    return float(((means["p"] - means["right"]).abs() * sizes).sum() / max(sizes.sum(), 1))


def figures(found: pd.DataFrame) -> dict[str, float]:
    """The figures of all clusters, by name."""
    shown = found[found["has_term"]]
    return {
        "proposed label, agreement": found["proposed"].mean(),
        "label shown, agreement": found["shown"].mean(),
        "same": (found["proposed"] == 1).mean(),
        "zero": (found["proposed"] == 0).mean(),
        "High": found["high"].mean(),
        "zero among High": (found.loc[found["high"], "shown"] == 0).mean(),
        "held back": (~found["supported"] & (found["proposed"] >= RELATED)).mean(),
        "calibration error": calibration_error(shown["probability"], shown["covers"]),
    }


def wrong_labels(table: pd.DataFrame, rule: Any, dice: random.Random) -> pd.Series:
    """For each cluster the term of another cluster of its species that has no relation to it; missing if none is."""
    rows = list(table.itertuples())

    def wrong(row: Any) -> Optional[str]:
        drawn = (dice.choice(rows) for _ in range(TRIES))
        others = (other.terms[0] for other in drawn if other.species == row.species)
        return next((term for term in others if agreement(rule, term, row) == 0), None)

    return pd.Series([wrong(row) for row in rows], index=table.index)


def flagged(table: pd.DataFrame, terms: pd.Series, n_genes: int, database: Any) -> float:
    """How many of the clusters with a term are flagged if it is given as their label."""
    ontology, statuses = _bundled.ontology(), []
    known = table.assign(term=terms).dropna(subset=["term"])
    for (species, tissue), group in known[known["term"].map(ontology.__contains__)].groupby(["species", "tissue"]):
        lists = {row.cluster: row.genes[:n_genes] for row in group.itertuples()}
        labels = {row.cluster: ontology.label(row.term) for row in group.itertuples()}
        report = gca.validate_markers(lists, labels, species=species, tissue=tissue or None, marker_db=database)
        statuses += [cluster.status for cluster in report.clusters]
    return float(np.mean([status != "supported" for status in statuses]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clusters", type=Path)
    parser.add_argument("--agreement", type=Path, required=True, help="agreement.py of the benchmark")
    parser.add_argument("--genes", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--marker-db", action="append", default=[], help="may be repeated; several are merged")
    args = parser.parse_args()
    warnings.simplefilter("ignore", gca.errors.GcaWarning)
    database, table, rule = gca.db.load(args.marker_db or "bundled"), read(args.clusters), rule_of(args.agreement)
    for n_genes in args.genes:
        print(f"{n_genes} genes, {len(table)} clusters")
        for name, value in figures(annotated(table, n_genes, rule, database)).items():
            print(f"  {name}: {value:.3f}")
    first = pd.Series([terms[0] for terms in table["terms"]], index=table.index)
    wrong = wrong_labels(table, rule, random.Random(5))
    print(f"{args.genes[0]} genes, labels that are given")
    print(f"  experts' labels flagged: {flagged(table, first, args.genes[0], database):.3f}")
    print(f"  wrong labels flagged: {flagged(table, wrong, args.genes[0], database):.3f}")


if __name__ == "__main__":
    main()
