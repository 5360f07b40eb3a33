"""Reports as HTML pages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Union

from gca_scanpy._adata import read_embedding, report_of
from gca_scanpy._adata.embedding import Embedding
from gca_scanpy._files import whole
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._page import data_of, render, view_of
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, MissingKeyError
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData


def to_html(
    data: Union[AnnData, DatasetReport],
    path: Union[str, os.PathLike[str], None] = None,
    key: str = DEFAULT_KEY,
    basis: Optional[str] = None,
) -> Optional[str]:
    """Write a report as an HTML page, self-contained: one file, nothing loaded from a network.

    The page has a summary, the cells on an embedding, a table of the clusters to sort and to search, the evidence of
    each, and where the labels come from. Without JavaScript, and on paper, all of it but the embedding is there too.

    Parameters
    ----------
    data
        An annotated object, or a report; a report has no cells, so there is no embedding.
    path
        The file, UTF-8; written beside its place and renamed, so that it is never half there. None to return the
        page instead.
    key
        The ``key_added`` of the run; not used with a report.
    basis
        The embedding, such as ``"umap"``, its first two columns. Where None, the first that is there of UMAP, t-SNE,
        ForceAtlas2, PHATE and PCA; where the cells no longer have the labels of the report, the page says so instead.
        More than 50,000 cells are thinned, evenly within each cluster.

    Returns
    -------
    str or None
        The page where ``path`` is None.

    Raises
    ------
    MissingKeyError
        Where there is no report under this key, or no such embedding.
    InputError
        Where ``basis`` is named, and it is no picture, there are no cells, or they have other labels than the report.
    OSError
        Where the file cannot be written.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B"]})
    >>> gca.io.to_html(report, "report.html")
    >>> gca.io.to_html(report)[:15]
    '<!DOCTYPE html>'
    """
    report = report_of(data, key)
    embedding, unseen = _cells(data, report, key, basis)
    view = view_of(report, _bundled.palette().color, embedding, unseen)
    page = render(view, data_of(report, view))
    if path is None:
        return page
    with whole(Path(path)) as part:
        part.write_text(page, encoding="utf-8")
    return None


def _cells(
    data: Union[AnnData, DatasetReport], report: DatasetReport, key: str, basis: Optional[str]
) -> tuple[Optional[Embedding], str]:
    """The embedding, or why there is none, where that needs a word."""
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
        # Who asked for no embedding gets the page all the same, with the reason in its place.
        return None, str(error)
