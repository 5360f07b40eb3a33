"""Measure how often labels are withheld from random genes, from mixtures of two types, and from half-random markers.

    python scripts/measure_abstention.py CLUSTERS.csv [--agreement agreement.py] [--marker-db TABLE ...]

CLUSTERS.csv is the input of predict_benchmark.py and has a column expert_cl_id. With the benchmark's agreement.py, the
script also prints how much agreement falls if half of the markers are replaced by random genes.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

import gca_scanpy as gca
from gca_scanpy.db import _bundled

N_MARKERS = 10


def annotated(lists: dict[str, list[str]], place: tuple[str, str], database: Any) -> dict[str, Any]:
    """The report of each gene list; all lists have the same species and tissue."""
    species, tissue = place
    report = gca.annotate_markers(lists, species=species, tissue=tissue or None, marker_db=database)
    return {cluster.cluster_id: cluster for cluster in report.clusters}


def random_lists(pool: list[str], n: int, length: int, dice: random.Random) -> dict[str, list[str]]:
    return {str(i): dice.sample(pool, length) for i in range(n)}


def mixtures(clusters: pd.DataFrame, n: int, each: int, dice: random.Random) -> pd.DataFrame:
    """Alternating markers of pairs of clusters of one species whose expert terms exclude each other."""
    lineages, rows = _bundled.lineages(), []
    named = clusters[clusters["expert_cl_id"].notna() & clusters["genes"].str.len().ge(each)]
    while len(rows) < n:
        first, second = (named.iloc[i] for i in dice.sample(range(len(named)), 2))
        terms = [str(row["expert_cl_id"]).split(",")[0].strip() for row in (first, second)]
        if first["species"] == second["species"] and lineages.disjoint(*terms):
            genes = [g for pair in zip(first["genes"][:each], second["genes"][:each]) for g in pair]
            rows.append({"species": first["species"], "tissue": first["tissue"], "genes": genes})
    return pd.DataFrame(rows)


def judged(clusters: pd.DataFrame, database: Any) -> list[Any]:
    """The reports of the rows, in order."""
    reports: dict[str, Any] = {}
    for place, rows in clusters.groupby(["species", "tissue"], sort=False):
        reports.update(annotated({str(i): row["genes"] for i, row in rows.iterrows()}, place, database))
    return [reports[str(i)] for i in clusters.index]


def half_random(clusters: pd.DataFrame, pool: list[str], dice: random.Random) -> pd.DataFrame:
    """The clusters with half of their markers, at random places, replaced by random genes."""

    def noisy(genes: list[str]) -> list[str]:
        replaced = set(dice.sample(range(len(genes)), len(genes) // 2))
        return [dice.choice(pool) if i in replaced else gene for i, gene in enumerate(genes)]

    return clusters.assign(genes=[noisy(genes) for genes in clusters["genes"]])


def agreement(clusters: pd.DataFrame, reports: list[Any], script: Path) -> float:
    """The mean agreement of the reports with the experts, by the rule in the script."""
    spec = importlib.util.spec_from_file_location("agreement", script)
    rule = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rule)
    proposed = {row: [r.annotation.proposed_ontology_id or ""] for row, r in zip(clusters["cluster"], reports)}
    return float(rule.score_table(clusters, proposed).mean())


def share(reports: list[Any]) -> str:
    """The share of each status, as text."""
    counts = Counter(report.status for report in reports)
    return ", ".join(f"{counts[status] / len(reports):.1%} {status}" for status in ("supported", "flagged", "unknown"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clusters", type=Path)
    parser.add_argument("--agreement", type=Path)
    parser.add_argument("--n", type=int, default=50, help="mixtures per seed; there are twice as many random lists")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--marker-db", action="append", default=[], help="may be repeated; several are merged")
    args = parser.parse_args()
    warnings.simplefilter("ignore", gca.GcaWarning)
    database = gca.db.load(args.marker_db or "bundled")
    clusters = pd.read_csv(args.clusters)
    clusters["tissue"] = clusters["tissue"].fillna("")
    clusters["genes"] = [list(dict.fromkeys(cell.split(",")))[:N_MARKERS] for cell in clusters["markers"]]
    pools = {
        "human genes": sorted(_bundled.gene_names().approved),
        "genes of the database": sorted(set(database.facts["gene"])),
    }
    draws = [random.Random(seed) for seed in range(args.seeds)]
    for name, pool in pools.items():
        for length in (10, 50):
            lists = [random_lists(pool, 2 * args.n, length, dice) for dice in draws]
            reports = [r for some in lists for r in annotated(some, ("human", ""), database).values()]
            print(f"{length} random {name}: {share(reports)}")
    pure = judged(clusters, database)
    print(f"the clusters themselves: {share(pure)}")
    sure = clusters[[report.status == "supported" and report.confidence == "High" for report in pure]].reset_index(
        drop=True
    )
    for name, some in (("clusters", clusters), ("clusters of High confidence", sure)):
        for each in (5, 10):
            mixed = [judged(mixtures(some, args.n, each, dice), database) for dice in draws]
            least = min(sum(report.status == "flagged" for report in reports) for reports in mixed)
            both = share([report for reports in mixed for report in reports])
            print(f"{each} + {each} markers of two {name}: {both}; fewest flagged {least} of {args.n}")
    if args.agreement:
        whole = agreement(clusters, pure, args.agreement)
        noisy = [half_random(clusters, pools["human genes"], dice) for dice in draws]
        falls = [whole - agreement(some, judged(some, database), args.agreement) for some in noisy]
        print(
            f"agreement {whole:.3f}; with half of the markers random it falls by {min(falls):.3f} to {max(falls):.3f}"
        )


if __name__ == "__main__":
    main()
