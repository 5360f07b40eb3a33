"""What the page's script needs to know, as JSON that can stand within a page."""

from __future__ import annotations

import json
from typing import Any

from gca_scanpy._core.table import FILE_COLUMNS, csv_line, csv_rows
from gca_scanpy._page.view import ClusterView, PageView
from gca_scanpy.model import DatasetReport

# A script element ends at "</script", whatever JSON is round it; JavaScript once ended lines at the last two.
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def data_of(report: DatasetReport, page: PageView) -> str:
    """The clusters in the order of the report, with the lines of a CSV file; and the cells, where there are any."""
    cells = page.cells and {
        "name": page.cells.name,
        "counts": page.cells.counts,
        "points": page.cells.points,
    }
    data = {
        "clusters": [_entry(view, line) for view, line in zip(page.clusters, csv_rows(report))],
        "csvHeader": csv_line(FILE_COLUMNS),
        "cells": cells,
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)


def _entry(cluster: ClusterView, csv: str) -> dict[str, Any]:
    genes = (gene.name for gene in (*cluster.supporting, *cluster.contradicting))
    terms = (term.id for term in (cluster.term, cluster.proposed_term) if term)
    return {
        "anchor": cluster.anchor,
        "id": cluster.id,
        "label": cluster.label,
        "broad": cluster.broad,
        "status": cluster.status,
        "confidence": cluster.confidence,
        "score": cluster.score,
        "colours": {
            "label": cluster.colours.label,
            "broad": cluster.colours.broad,
            "cluster": cluster.colours.cluster,
        },
        "csv": csv,
        # What a search looks through.
        "words": "\n".join(
            (cluster.id, cluster.label, cluster.proposed, cluster.curated, cluster.broad, *terms, *genes)
        ),
    }
