"""Reports as CSV files, and the table back out of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import pandas as pd

from gca_scanpy._adata import report_of
from gca_scanpy._files import whole
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._reporting.table import FILE_COLUMNS, NULLABLE, as_frame, csv_line, csv_rows, unguarded
from gca_scanpy.errors import ReportError
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData


def to_csv(data: Union[AnnData, DatasetReport], path: Union[str, os.PathLike[str]], key: str = DEFAULT_KEY) -> None:
    """Write the clusters as a CSV file, UTF-8, a row per cluster.

    The columns are ``cluster``, those of :func:`gca_scanpy.get.clusters`, and ``proposed_ontology_id``,
    ``broad_ontology_id``, ``source``, ``tissue``, ``missing_markers``, ``rationale``, ``alternatives``, ``notes``,
    ``caveats``, ``warnings``; then, empty where no curator decided, ``curated_label``, ``curated_ontology_id``,
    ``curator``, ``curated_at``, ``curation`` (``accepted``, ``changed`` or ``mixed``) and ``curation_note``. A text
    that a spreadsheet would run as a formula has a ``'`` in front; :func:`read_csv` takes it away again.

    Parameters
    ----------
    data
        An annotated object, or a report.
    path
        The file; written beside its place and renamed, so that it is never half there.
    key
        The ``key_added`` of the run; not used with a report.

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
    >>> gca.io.to_csv(report, "clusters.csv")
    >>> gca.io.read_csv("clusters.csv").loc["0", "label"]
    'B cell'
    """
    report = report_of(data, key)
    with whole(Path(path)) as part, part.open("w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(csv_line(FILE_COLUMNS))
        file.writelines(csv_rows(report))


def read_csv(path: Union[str, os.PathLike[str]]) -> pd.DataFrame:
    """Read a table that :func:`to_csv` wrote, texts as they were; the report itself comes back from JSON only.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    pandas.DataFrame
        Index ``cluster``, ids as strings; the columns of the file, with those of :func:`gca_scanpy.get.clusters`
        as they are there.

    Raises
    ------
    ReportError
        Where the file is no such table.
    OSError
        Where it cannot be read.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> gca.io.to_csv(gca.annotate_markers({"CD8+": ["CD3D", "CD8A", "CD8B"]}), "clusters.csv")
    >>> gca.io.read_csv("clusters.csv").index.tolist()
    ['CD8+']
    """
    try:
        table = pd.read_csv(path, dtype=str, na_filter=False, encoding="utf-8", encoding_errors="strict")
    except ValueError as error:  # pandas' own errors are some of these
        msg = f"{path} is not a table of clusters: {error}"
        raise ReportError(msg) from error
    if list(table.columns) != list(FILE_COLUMNS):
        msg = f"{path} was not written by gca.io.to_csv: its columns are {', '.join(map(str, table.columns))[:200]}"
        raise ReportError(msg)
    texts = {name: [unguarded(value) for value in table[name]] for name in table.columns}
    try:
        rows = [{name: _value(text, name) for name, text in zip(texts, values)} for values in zip(*texts.values())]
    except ValueError as error:
        msg = f"{path} has a number that is none, so it was changed after gca.io.to_csv wrote it: {error}"
        raise ReportError(msg) from error
    return as_frame(texts["cluster"], rows, FILE_COLUMNS[1:])


def _value(text: str, name: str) -> Any:
    if name == "confidence_score":
        return float(text)
    if name == "n_cells":
        return int(text) if text else None
    return None if name in NULLABLE and not text else text
