"""Write a view as HTML, self-contained: style and script are in the page, and it loads nothing."""

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

from gca_scanpy._names.labels import ShortNames
from gca_scanpy._page.cluster import ClusterView
from gca_scanpy._page.view import PageView
from gca_scanpy._reporting.display import LEVELS, STATUSES
from gca_scanpy._reporting.documents import FILE_COLUMNS, csv_line, csv_rows
from gca_scanpy._reporting.receipts import GRADES, Receipts
from gca_scanpy.model import DatasetReport

# "</script" ends a script element even within JSON, and older JavaScript ends a line at the last two signs.
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def data_of(report: DatasetReport, page: PageView, receipts: Receipts, short: ShortNames) -> str:
    """The JSON for the script: the clusters in the order of the report with their CSV lines, and the cells, if any."""
    cells = page.cells and {
        "name": page.cells.name,
        "counts": page.cells.counts,
        "points": page.cells.points,
    }
    data = {
        "clusters": [_entry(view, line) for view, line in zip(page.clusters, csv_rows(report, receipts, short))],
        "csvHeader": csv_line(FILE_COLUMNS),
        "cells": cells,
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)


def _entry(cluster: ClusterView, csv: str) -> dict[str, Any]:
    genes = (gene.name for gene in (*cluster.supporting, *cluster.contradicting))
    terms = (term.id for term in (cluster.term, cluster.proposed_term, *(level.term for level in cluster.path)) if term)
    levels = (level.label for level in cluster.path)
    labels = (cluster.label, cluster.full, cluster.proposed, cluster.curated, cluster.broad, *levels)
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
        # The texts that a search looks through.
        "words": "\n".join((f"cluster {cluster.id}", *labels, *terms, *genes)),
    }


# Control characters and lone surrogates, which HTML cannot hold.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
# The script is made of these parts, each after those that it uses.
SCRIPT = (
    "data", "make", "theme", "color", "dots", "scatter", "gestures", "tip", "legend", "table", "export", "genes",
    "drawer", "main",
)  # fmt: skip


@lru_cache(maxsize=8)
def template(package: str, name: str) -> Template:
    """A template in the folder ``templates`` of a package; it escapes every text."""
    loader = PackageLoader(package, "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)


@lru_cache(maxsize=1)
def _style() -> str:
    """The style sheet, with the colors of statuses and confidence levels as its variables."""
    looks = {name.lower(): look for name, look in {**STATUSES, **LEVELS}.items()}
    light, dark = (
        " ".join(f"--{name}: {getattr(look, shade)};" for name, look in looks.items()) for shade in ("light", "dark")
    )
    return template("gca_scanpy._page", "report.css").render(light=light, dark=dark, grades=GRADES)


@lru_cache(maxsize=1)
def _script() -> str:
    folder = files("gca_scanpy._page") / "templates"
    return "\n".join((folder / f"{part}.js").read_text(encoding="utf-8") for part in SCRIPT)


def _policy(style: str, script: str) -> str:
    """The Content-Security-Policy: only this style sheet and this script are allowed."""
    return (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; connect-src 'none'; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def render(view: PageView, data: str) -> str:
    """The page as HTML, with the JSON of :func:`data_of` in it; the same view always gives the same text."""
    style, script = _style(), _script()
    # Marked as safe: our own files, and JSON that cannot end its element. Everything else is escaped.
    html = template("gca_scanpy._page", "report.html.j2").render(
        page=view, style=Markup(style), script=Markup(script), data=Markup(data), policy=_policy(style, script)
    )
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", html)
