"""Reports as HTML pages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Union

from gca_scanpy._adata import report_of
from gca_scanpy._files import whole
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._page import render, view_of
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData


def to_html(
    data: Union[AnnData, DatasetReport], path: Union[str, os.PathLike[str], None] = None, key: str = DEFAULT_KEY
) -> Optional[str]:
    """Write a report as an HTML page, self-contained: one file, no script, nothing loaded from a network.

    The page has a summary, a table of the clusters, the evidence of each, and where the labels come from.

    Parameters
    ----------
    data
        An annotated object, or a report.
    path
        The file, UTF-8; written beside its place and renamed, so that it is never half there. None to return the
        page instead.
    key
        The ``key_added`` of the run; not used with a report.

    Returns
    -------
    str or None
        The page where ``path`` is None.

    Raises
    ------
    MissingKeyError
        Where there is no report under this key.
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
    page = render(view_of(report_of(data, key)))
    if path is None:
        return page
    with whole(Path(path)) as part:
        part.write_text(page, encoding="utf-8")
    return None
