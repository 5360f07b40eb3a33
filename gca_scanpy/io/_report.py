"""Reports as JSON and CSV files."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from gca_scanpy import _codec
from gca_scanpy._adata import report_of
from gca_scanpy._arguments import checked
from gca_scanpy._files import naming, whole
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._reporting.table import FILE_COLUMNS, csv_line, csv_rows
from gca_scanpy.db import _bundled
from gca_scanpy.errors import ReportError
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData


@checked()
def to_json(data: Union[AnnData, DatasetReport], path: Union[str, os.PathLike[str]], key: str = DEFAULT_KEY) -> None:
    """Write a report as JSON, UTF-8, indented.

    Parameters
    ----------
    data
        An annotated object, or a report.
    path
        The file; a failed write leaves the previous file as it was.
    key
        The ``key_added`` of the run; ignored if ``data`` is a report.

    Raises
    ------
    MissingKeyError
        If there is no report under this key.
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B"]})
    >>> gca.io.to_json(report, "report.json")
    >>> gca.io.read_report("report.json") == report
    True
    """
    text = _codec.to_json(report_of(data, key), indent=2)
    with whole(Path(path)) as part:
        part.write_text(text + "\n", encoding="utf-8")


@checked()
def read_report(path: Union[str, os.PathLike[str]]) -> DatasetReport:
    """Read a report that :func:`to_json` wrote.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    DatasetReport
        The report, equal to the one that was written.

    Raises
    ------
    ReportError
        If the file is not a report, is damaged, or has another major schema version.
    FileError
        If the file cannot be read.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> gca.io.to_json(gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B"]}), "report.json")
    >>> gca.io.read_report("report.json").cluster("0").annotation.ontology_id
    'CL:0000236'
    """
    try:
        with naming(Path(path), "read"):
            text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        msg = f"{path} is not UTF-8 text, so it is not a report: {error}"
        raise ReportError(msg) from error
    return _codec.from_json(text)


def json_schema() -> dict[str, Any]:
    """Get the JSON Schema (draft 2020-12) of reports.

    Returns
    -------
    dict
        The schema that ships in ``gca_scanpy/data/report.schema.json``; every report is valid against it.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> gca.io.json_schema()["$ref"]
    '#/$defs/DatasetReport'
    """
    text = (files("gca_scanpy") / "data" / "report.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


@checked()
def to_csv(data: Union[AnnData, DatasetReport], path: Union[str, os.PathLike[str]], key: str = DEFAULT_KEY) -> None:
    """Write the clusters as a CSV file, UTF-8, one row per cluster.

    The columns are ``cluster``, the columns of :func:`gca_scanpy.get.clusters`, and ``proposed_ontology_id``,
    ``broad_ontology_id``, ``source``, ``tissue``, ``missing_markers``, ``unmeasured_markers``, ``rationale``,
    ``alternatives``, ``caveats``, ``warnings``, ``state_genes`` (each state with its genes) and ``witnesses`` (of each
    supporting marker, in words). The last columns hold the curator's decision, and are empty if nobody decided:
    ``curated_label``, ``curated_ontology_id``, ``curator``, ``curated_at``, ``curation`` (``accepted``, ``changed`` or
    ``mixed``) and ``curation_note``. A text that a spreadsheet would run as a formula gets a ``'`` in front.

    Parameters
    ----------
    data
        An annotated object, or a report.
    path
        The file; a failed write leaves the previous file as it was.
    key
        The ``key_added`` of the run; ignored if ``data`` is a report.

    Raises
    ------
    MissingKeyError
        If there is no report under this key.
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import pandas as pd
    >>> import gca_scanpy as gca
    >>> report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B"]})
    >>> gca.io.to_csv(report, "clusters.csv")
    >>> pd.read_csv("clusters.csv", dtype={"cluster": str}, index_col="cluster").loc["0", "label"]
    'B cell'
    """
    report = report_of(data, key)
    with whole(Path(path)) as part, part.open("w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(csv_line(FILE_COLUMNS))
        file.writelines(csv_rows(report, _bundled.receipts(report), _bundled.shortener()))
