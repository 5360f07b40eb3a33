"""The report of a run, its references, tables of its clusters and its curation, and the agreement of two columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Optional, Union

import pandas as pd

from gca_scanpy._adata import compare_columns, read_report, report_of
from gca_scanpy._arguments import FLAG, checked, one_of
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._reporting import documents
from gca_scanpy._reporting.references import as_bibtex, as_text, paragraph
from gca_scanpy.db import _bundled
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData

FORMATS = {"text": as_text, "bibtex": as_bibtex}


@checked()
def report(adata: AnnData, key: str = DEFAULT_KEY) -> DatasetReport:
    """Get the report that :func:`gca_scanpy.tl.annotate` stored in ``adata.uns``.

    Parameters
    ----------
    adata
        An annotated object.
    key
        The ``key_added`` of the run.

    Returns
    -------
    DatasetReport
        Frozen; ``report.clusters`` has a :class:`~gca_scanpy.model.ClusterReport` for each cluster.

    Raises
    ------
    MissingKeyError
        If there is no report under this key.
    ReportError
        If the stored report cannot be read.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> gca.get.report(adata).summary.total_clusters
    11
    """
    return read_report(adata, key)


@checked()
def clusters(data: Union[AnnData, DatasetReport], key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Get the clusters as a table, one row per cluster in the order of the data.

    Parameters
    ----------
    data
        An annotated object, or a report.
    key
        The ``key_added`` of the run; ignored if ``data`` is a report.

    Returns
    -------
    pandas.DataFrame
        Index ``cluster``; columns ``n_cells``, ``label``, ``short_label``, ``proposed_label``, ``broad_label``,
        ``ontology_id``, ``confidence``, ``confidence_score``, ``status``, ``flag_reasons``, ``notes`` (why a label is
        flagged), ``supporting_markers``, ``contradictory_markers``, ``states``, ``witnessed_markers`` (the supporting
        markers that have a witness). Lists are joined by commas, notes by semicolons.

    Raises
    ------
    MissingKeyError
        If there is no report under this key.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]}, tissue="blood")
    >>> gca.get.clusters(report).loc["0", "label"]
    'B cell'
    """
    report = report_of(data, key)
    rows = documents.rows(report, _bundled.receipts(report), _bundled.shortener())
    return documents.as_frame([cluster.cluster_id for cluster in report.clusters], rows, documents.MAIN_COLUMNS)


@checked()
def curation(data: Union[AnnData, DatasetReport], key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Get the audit trail of the curators' decisions, one row per decision, oldest first.

    Parameters
    ----------
    data
        An annotated object, or a report.
    key
        The ``key_added`` of the run; ignored if ``data`` is a report.

    Returns
    -------
    pandas.DataFrame
        Index ``cluster``; columns ``kind``, ``from_label``, ``from_ontology_id``, ``to_label``, ``to_ontology_id``,
        ``who``, ``when`` (UTC), ``why``, and ``stands``: whether the decision is the current one of its cluster.

    Raises
    ------
    MissingKeyError
        If there is no report under this key.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> gca.tl.curate(adata, {"5": "pDC"}, who="Ada Lovelace")
    >>> decisions = gca.get.curation(adata)
    >>> decisions[decisions["stands"]].loc["5", "to_label"]
    'plasmacytoid dendritic cell'
    """
    report = report_of(data, key)
    ids = [decision.cluster_id for decision in report.audit]
    return documents.as_frame(ids, documents.audit_rows(report), documents.AUDIT_COLUMNS)


@checked()
def agreement(adata: AnnData, first: str, second: str, *, terms: Optional[Mapping[str, str]] = None) -> pd.DataFrame:
    """Compare two columns of labels by the Cell Ontology, one row per pair of labels that share cells.

    Parameters
    ----------
    adata
        Any annotated data; cells without one of the labels are left out.
    first, second
        Columns of ``adata.obs``. The terms of a column that ``annotate`` wrote are those of its report; labels of
        other columns are looked up in the Cell Ontology by name.
    terms
        Cell Ontology ids or names for labels that the ontology does not know, such as ``{"CD19+ B": "B cell"}``.

    Returns
    -------
    pandas.DataFrame
        Index ``first``, ``second``: the labels. Columns ``cells``, ``share`` (of the cells with the first label, 0 to
        1), ``relation`` (``exact``, ``kin`` for ancestor and descendant, ``lineage``, ``unrelated``, ``no term``),
        ``steps`` (between the terms in the ontology), and ``precision``, ``recall`` and ``f1``: a label says its term
        and all ancestors of it but the most general ones; the precision is the share of what ``first`` says that
        ``second`` says, too, the recall is the share of what ``second`` says that ``first`` says. Steps and shares are
        missing if a label has no term. ``.attrs`` has the number of ``cells``, the shares of cells that are ``exact``
        and ``compatible`` (exact or kin), the ``precision``, ``recall`` and ``f1`` of all cells whose labels have
        terms, and ``adjusted_rand``, the adjusted Rand index of the two groupings.

    Raises
    ------
    MissingKeyError
        If a column does not exist.
    InputError
        If a column has no labels, no cell has both labels, or ``terms`` contains an unknown term.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> table = gca.get.agreement(adata, "gptca_label", "bulk_labels")
    >>> table.attrs["cells"]
    700
    """
    comparison, _ = compare_columns(adata, first, second, _bundled.lineages(), terms)
    columns = ("first", "second", "cells", "share", "relation", "steps", "precision", "recall", "f1")
    rows = [[getattr(pair, name) for name in columns] for pair in comparison.pairs]
    types = {"steps": "Int64", "precision": float, "recall": float, "f1": float}
    frame = pd.DataFrame(rows, columns=columns).set_index(["first", "second"]).astype(types)
    for name in ("cells", "exact", "compatible", "precision", "recall", "f1", "adjusted_rand"):
        frame.attrs[name] = getattr(comparison, name)
    return frame


@checked(format=one_of(*FORMATS))
def references(
    data: Union[AnnData, DatasetReport], key: str = DEFAULT_KEY, *, format: Literal["text", "bibtex"] = "text"
) -> str:
    """Get the references of the evidence that a report shows.

    They are this package with the marker database, the Cell Ontology, and each source that is a witness of a gene that
    the report shows: lists of markers, expression profiles, and the publications that ASCT+B cites for the gene.
    Each publication is listed once, with what it stands for.

    Parameters
    ----------
    data
        An annotated object, or a report.
    key
        The ``key_added`` of the run; ignored if ``data`` is a report.
    format
        ``"text"``, a line per reference, or ``"bibtex"``. Of publications that ASCT+B cites, only the DOI or the
        PubMed id is known. Sources of your own marker table are listed as it names them.

    Returns
    -------
    str
        The references. A report of an earlier version has no witnesses, so only the first two are listed.

    Raises
    ------
    MissingKeyError
        If there is no report under this key.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]}, tissue="blood")
    >>> "doi:10.1093/database/baz046" in gca.get.references(report)
    True
    """
    return FORMATS[format](_bundled.references(report_of(data, key)))


@checked(references=FLAG)
def methods(data: Union[AnnData, DatasetReport], key: str = DEFAULT_KEY, *, references: bool = False) -> str:
    """Get a methods paragraph for a publication: what the run did, and what came of it.

    Every number is that of the report: versions, the database and the ontology, the tissue, the thresholds, the counts
    of clusters by status and confidence, what language models were asked, and the decisions of curators.

    Parameters
    ----------
    data
        An annotated object, or a report.
    key
        The ``key_added`` of the run; ignored if ``data`` is a report.
    references
        Whether the references follow, as BibTeX.

    Returns
    -------
    str
        The paragraph, and an empty line and the references if they are asked for.

    Raises
    ------
    MissingKeyError
        If there is no report under this key.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]}, tissue="blood")
    >>> "Of 1 cluster, 1 was supported, 0 were flagged and 0 were unknown" in gca.get.methods(report)
    True
    """
    report = report_of(data, key)
    text = paragraph(report)
    return f"{text}\n\n{as_bibtex(_bundled.references(report))}" if references else text
