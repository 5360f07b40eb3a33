"""Write the predictions for the accuracy benchmark: the proposed term of each cluster from its first ten markers.

    python scripts/predict_benchmark.py CLUSTERS.csv PREDICTIONS.csv [--marker-db TABLE ...]

CLUSTERS.csv has the columns cluster, tissue, species and markers (comma-separated, best first).
"""

from __future__ import annotations

import argparse
import csv
import warnings
from pathlib import Path

import gca_scanpy as gca

N_MARKERS = 10


def predict(rows: list[dict[str, str]], sources: list[str]) -> list[dict[str, str]]:
    """A row per cluster: the proposed Cell Ontology id, its confidence and its status."""
    database = gca.db.load(sources or "bundled")
    reports = {}
    for species, tissue in sorted({(row["species"], row["tissue"]) for row in rows}):
        here = [row for row in rows if (row["species"], row["tissue"]) == (species, tissue)]
        markers = {row["cluster"]: row["markers"].split(",")[:N_MARKERS] for row in here}
        report = gca.annotate_markers(markers, species=species, tissue=tissue or None, marker_db=database)
        reports.update({c.cluster_id: c for c in report.clusters})
    return [
        {
            "cluster": row["cluster"],
            "cl_id": reports[row["cluster"]].annotation.proposed_ontology_id or "",
            "label": reports[row["cluster"]].annotation.proposed_label,
            "confidence": reports[row["cluster"]].confidence,
            "confidence_score": str(reports[row["cluster"]].confidence_score),
            "status": reports[row["cluster"]].status,
            "flags": ";".join(reports[row["cluster"]].validation.flag_reasons),
        }
        for row in rows
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clusters", type=Path)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("--marker-db", action="append", default=[], help="may be repeated; several are merged")
    args = parser.parse_args()
    warnings.simplefilter("ignore", gca.GcaWarning)
    with args.clusters.open(newline="", encoding="utf-8") as file:
        rows = predict(list(csv.DictReader(file)), args.marker_db)
    with args.predictions.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
