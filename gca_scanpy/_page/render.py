"""A view to HTML, self-contained: style and script within, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from gca_scanpy._page.view import ClusterView, PageView
from gca_scanpy._reporting.table import FILE_COLUMNS, csv_line, csv_rows
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
        "colors": {
            "label": cluster.colors.label,
            "broad": cluster.colors.broad,
            "cluster": cluster.colors.cluster,
        },
        "csv": csv,
        # What a search looks through.
        "words": "\n".join(
            (cluster.id, cluster.label, cluster.proposed, cluster.curated, cluster.broad, *terms, *genes)
        ),
    }


# Control characters and half letters, which no HTML page can hold.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
# One script of these parts, in an order in which each knows what it builds on.
SCRIPT = (
    "data", "make", "theme", "color", "dots", "scatter", "gestures", "tip", "legend", "table", "export", "drawer",
    "main",
)  # fmt: skip


@lru_cache(maxsize=8)
def template(package: str, name: str) -> Template:
    """A template of a package's own, in which every text is escaped."""
    loader = PackageLoader(package, "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)


def _own(name: str) -> str:
    return (files("gca_scanpy._page") / "templates" / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _style() -> str:
    return _own("report.css")


@lru_cache(maxsize=1)
def _script() -> str:
    return "\n".join(_own(f"{part}.js") for part in SCRIPT)


def _policy(style: str, script: str) -> str:
    """The Content-Security-Policy: this very style sheet and script, and nothing else at all."""
    return (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; connect-src 'none'; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def render(view: PageView, data: str) -> str:
    """The page as HTML text, with the JSON of :func:`data_of` in it; the same view gives the same text."""
    style, script = _style(), _script()
    # Only the package's own files, and JSON that cannot end its element, are marked as safe; all else is escaped.
    html = template("gca_scanpy._page", "report.html.j2").render(
        page=view, style=Markup(style), script=Markup(script), data=Markup(data), policy=_policy(style, script)
    )
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", html)
