"""Files: reports as JSON, CSV and Cell Annotation Schema documents, and tables of marker genes."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

from gca_scanpy import _adata, _codec, _tables
from gca_scanpy._adata import cells_of, report_of
from gca_scanpy._arguments import PATH, checked, optional
from gca_scanpy._files import naming, whole
from gca_scanpy._keys import DEFAULT_KEY, ObsKeys
from gca_scanpy._ranking.given import markers_of
from gca_scanpy._reporting import documents
from gca_scanpy._reporting.documents import FILE_COLUMNS, csv_line, csv_rows
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, ReportError
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData

RESERVED = frozenset({"annotations", "labelsets"})


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
    ``broad_ontology_id``, ``source``, ``tissue``, ``missing_markers``, ``unmeasured_markers``,
    ``separated_from`` (the nearest competitor of the label), ``separating_genes`` (how many genes tell the two apart),
    ``separating_genes_measured`` (how many of them the data have), ``rationale``, ``alternatives``, ``caveats``,
    ``path``, ``warnings``, ``state_genes`` (each state with its genes) and ``witnesses`` (of each
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


@checked(path=optional(PATH))
def to_cas(
    adata: AnnData, path: Union[str, os.PathLike[str], None] = None, key: str = DEFAULT_KEY, **fields: str
) -> Optional[dict[str, Any]]:
    """Write the labels as JSON of the Cell Annotation Schema, which CAP and CELLxGENE tools read.

    Each cluster that has cells gets an annotation: label, Cell Ontology term, broad type, cells, marker genes and
    rationale. Values for which the schema has no field (cluster, status, confidence, flag reasons) are among the
    ``author_annotation_fields``. Curated labels are in a separate labelset. ``"Unknown or Novel"`` becomes
    ``unknown``, the schema's word.

    Parameters
    ----------
    adata
        An annotated object, or a subset of one; its ``obs_names`` are the ``cell_ids``.
    path
        The file, UTF-8; a failed write leaves the previous file as it was. If None, the document is returned instead.
    key
        The ``key_added`` of the run.
    **fields
        Fields of the document by the names of the schema, such as ``author_name``, ``title``, ``author_contact``,
        ``orcid``, ``matrix_file_id``. CAP's schema also requires ``cellannotation_url``, the address where you
        publish the annotations.

    Returns
    -------
    dict or None
        The document if ``path`` is None.

    Raises
    ------
    MissingKeyError
        If there is no report under this key.
    InputError
        If the clusters or labels were changed after the run, two cells have the same name, or a field is not text.
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> gca.io.to_cas(adata, "pbmc.cas.json", author_name="Ada Lovelace", title="Blood cells")
    >>> gca.io.to_cas(adata)["annotations"][4]["cell_ontology_term"]
    'B cell'
    """
    wrong = [name for name, value in fields.items() if name in RESERVED or not isinstance(value, str)]
    if wrong:
        msg = f"{wrong[0]}={fields[wrong[0]]!r} cannot be set; fields are texts, and annotations come from the report"
        raise InputError(msg)
    report = _adata.read_report(adata, key)
    keys, cells = ObsKeys(key), cells_of(adata, report, key)
    document = documents.cas_document(report, cells, keys.label, keys.curated_label, _bundled.ontology())
    document = {**document, **fields}
    if path is None:
        return document
    with whole(Path(path)) as part:
        part.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return None


@checked()
def read_markers(path: Union[str, os.PathLike[str]]) -> dict[str, list[str]]:
    r"""Read the marker genes of each cluster, best first.

    Parameters
    ----------
    path
        A table of Seurat, Scanpy (:func:`scanpy.get.rank_genes_groups_df` with ``group=None``), presto, scran, DESeq2,
        Cell Ranger and others, or with the columns ``cluster`` and ``gene``; or with a row per cluster and a list in
        the column ``markers``, as GPT Cell Annotator reads it. Files are csv, tsv, json (a list of records) or gmt
        (each of them also with ``.gz``), parquet (needs pyarrow) or xlsx (needs openpyxl; the first sheet is read).

    Returns
    -------
    dict
        Gene names by cluster, clusters in the order of the file. Genes that are lower in the cluster, or higher
        by chance only (p > 0.05), are left out; a cluster without other genes has an empty list. The genes of a
        cluster are ordered by rank or score if there is one. Otherwise they keep the order of the file if it is one of
        p-values or fold changes, and are sorted by these if not.

    Raises
    ------
    InputError
        If ``path`` is not a path, the file holds no table, columns are missing, a statistic is not understood, or no
        row is left.
    FileError
        If the file cannot be opened.

    Examples
    --------
    >>> from pathlib import Path
    >>> import gca_scanpy as gca
    >>> _ = Path("markers.csv").write_text("cluster,gene\n0,MS4A1\n0,CD79A\n1,CD3D\n")
    >>> gca.io.read_markers("markers.csv")
    {'0': ['MS4A1', 'CD79A'], '1': ['CD3D']}
    """
    return markers_of(_tables.read(Path(path), InputError), str(path))
