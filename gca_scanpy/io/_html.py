"""Reports as HTML pages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Union

from gca_scanpy._adata import read_embedding, report_of
from gca_scanpy._adata.members import Embedding
from gca_scanpy._arguments import LABEL_STYLE, PATH, checked, optional
from gca_scanpy._files import whole
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._page import data_of, render, view_of
from gca_scanpy._reporting.display import Labels, with_labels
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, MissingKeyError
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData


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
    color, references, short = _bundled.palette().color, _bundled.references(report), _bundled.shortener()
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
