"""A report as an HTML page, self-contained: style and script are in the page, and it loads nothing.

The view says what the page shows; here it is laid out and written.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from gca_scanpy._adata import read_embedding, report_of
from gca_scanpy._adata.members import Embedding
from gca_scanpy._arguments import LABEL_STYLE, PATH, checked, optional
from gca_scanpy._files import whole
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._names.labels import ShortNames
from gca_scanpy._page.cluster import ClusterView
from gca_scanpy._page.view import PageView, view_of
from gca_scanpy._reporting.display import LEVELS, STATUSES, Labels, with_labels
from gca_scanpy._reporting.documents import FILE_COLUMNS, csv_line, csv_rows
from gca_scanpy._reporting.receipts import GRADES, Receipts
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, MissingKeyError
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData

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


@checked(path=optional(PATH), labels=LABEL_STYLE)
def to_html(
    data: Union[AnnData, DatasetReport],
    path: Union[str, os.PathLike[str], None] = None,
    key: str = DEFAULT_KEY,
    basis: Optional[str] = None,
    *,
    title: Optional[str] = None,
    labels: Labels = "full",
) -> Optional[str]:
    """Write a report as a self-contained HTML page, which loads nothing from a network.

    The page has a summary, the cells on an embedding, a table of the clusters to sort and search, the evidence for
    each cluster, the references of this evidence, and the provenance of the labels. Without JavaScript and on paper,
    only the embedding is missing.

    Parameters
    ----------
    data
        An annotated object, or a report; the page of a report has no embedding, because a report has no cells.
    path
        The file, UTF-8; a failed write leaves the previous file as it was. If None, the page is returned instead.
    key
        The ``key_added`` of the run; ignored if ``data`` is a report.
    basis
        The embedding whose first two columns are drawn, such as ``"umap"``. If None, the first of UMAP, t-SNE,
        ForceAtlas2, PHATE and PCA that exists is used; if the cells no longer have the labels of the report, the page
        says so instead. If there are more than 50,000 cells, they are thinned evenly within each cluster.
    title
        Name of the data set, which the title and the head of the page show. If None, the name of the file of a backed
        object, or else that of ``path`` without its ending.
    labels
        ``"full"``, or ``"short"`` for the names of :func:`gca_scanpy.names.short`; the evidence of a cluster then has
        its full name, and a search finds both.

    Returns
    -------
    str or None
        The page if ``path`` is None.

    Raises
    ------
    MissingKeyError
        If there is no report under this key, or no such embedding.
    InputError
        If ``basis`` is given and the embedding cannot be drawn, ``data`` has no cells, or the labels of the cells
        differ from those of the report.
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B"]})
    >>> gca.io.to_html(report, "report.html")
    >>> gca.io.to_html(report)[:15]
    '<!DOCTYPE html>'
    """
    report = report_of(data, key)
    embedding, why_none = _embedding(data, report, key, basis)
    receipts, name = _bundled.receipts(report), _name(data, path) if title is None else title
    color, references, short = _bundled.palette().of_report(report), _bundled.references(report), _bundled.shortener()
    shown = with_labels(report, labels, short)
    view = view_of(shown, color, receipts, references, embedding, why_none, name, report)
    page = render(view, data_of(report, view, receipts, short))
    if path is None:
        return page
    with whole(Path(path)) as part:
        part.write_text(page, encoding="utf-8")
    return None


def _name(data: Union[AnnData, DatasetReport], path: Union[str, os.PathLike[str], None]) -> str:
    """The name of the data set, as far as it is known; empty if it is not."""
    filename = None if isinstance(data, DatasetReport) else data.filename
    return Path(filename).name if filename else "" if path is None else Path(path).stem


def _embedding(
    data: Union[AnnData, DatasetReport], report: DatasetReport, key: str, basis: Optional[str]
) -> tuple[Optional[Embedding], str]:
    """The embedding, and a text for the page if there should be one but it cannot be shown."""
    if isinstance(data, DatasetReport):
        if basis is not None:
            msg = f"basis={basis!r} needs the annotated object, because a report has no cells"
            raise InputError(msg)
        return None, ""
    try:
        return read_embedding(data, report, key, basis), ""
    except (InputError, MissingKeyError) as error:
        if basis is not None:
            raise
        # Without basis=, no embedding was requested, so the page shows the reason in its place.
        return None, str(error)
