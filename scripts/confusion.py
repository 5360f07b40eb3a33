"""Print the confusion table by lineage of a predictions file, as Markdown.

    python scripts/confusion.py CLUSTERS.csv PREDICTIONS.csv

CLUSTERS.csv has the columns cluster and expert_cl_id; predict_benchmark.py writes PREDICTIONS.csv.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from gca_scanpy.db import _bundled

NONE = "no term"


def lineage(cell: object) -> str:
    """The lineage of the first term in a comma-separated list of ids."""
    first = str(cell).split(",")[0].strip() if isinstance(cell, str) else ""
    return _bundled.lineages().lineage(first or None) or NONE


def confusion(clusters: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Number of clusters by the expert's lineage (rows) and the proposed lineage (columns)."""
    both = clusters.merge(predictions[["cluster", "cl_id"]], on="cluster", validate="one_to_one")
    table = pd.crosstab(both["expert_cl_id"].map(lineage), both["cl_id"].map(lineage))
    order = sorted(set(table.index) | set(table.columns), key=lambda name: (name == NONE, name))
    return table.reindex(index=order, columns=order, fill_value=0)


def markdown(table: pd.DataFrame) -> str:
    """The table as Markdown, with empty cells for zeros."""
    head = "| expert \\ proposed | " + " | ".join(table.columns) + " |"
    rule = "|---" * (len(table.columns) + 1) + "|"
    rows = [
        f"| {name} | " + " | ".join(str(n) if n else "" for n in row) + " |"
        for name, row in zip(table.index, table.to_numpy())
        if row.sum()
    ]
    return "\n".join([head, rule, *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clusters", type=Path)
    parser.add_argument("predictions", type=Path)
    args = parser.parse_args()
    print(markdown(confusion(pd.read_csv(args.clusters, dtype=str), pd.read_csv(args.predictions, dtype=str))))


if __name__ == "__main__":
    main()
