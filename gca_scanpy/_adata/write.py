"""The report into ``.obs`` and ``.uns``, all at once or not at all, and back out of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import asdict

from gca_scanpy import _codec
from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.members import rows_of
from gca_scanpy._adata.objects import actual
from gca_scanpy._adata.tables import column_of
from gca_scanpy._compat import NAMES
from gca_scanpy._keys import (
    UNS_PARAMETERS,
    UNS_PROVENANCE,
    UNS_REPORT,
    UNS_SCHEMA_VERSION,
    UNS_TELEMETRY,
    ObsKeys,
    colors_of,
)
from gca_scanpy._reporting.curation import standing
from gca_scanpy._reporting.palette import Palette
from gca_scanpy.errors import MissingKeyError, ReportError
from gca_scanpy.model import CONFIDENCE_LEVELS, STATUSES, ClusterReport, DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData


def write_report(
    adata: AnnData, report: DatasetReport, clustering: Clustering, key_added: str, palette: Palette
) -> None:
    """Write the documented keys; where anything fails, ``adata`` is as it was.

    Cells without a cluster, and cells of clusters that were not asked for, get missing values.
    """
    keys = ObsKeys(key_added)
    columns = _columns(report, clustering, keys, adata.obs_names)
    entries = {key_added: _entries(report), **_colors(report, columns, keys, palette)}
    if report.audit:
        columns |= curated_columns(report, clustering, key_added, adata.obs_names)
    store(adata, columns, entries)


def store(adata: AnnData, columns: Mapping[str, pd.Series], entries: Mapping[str, object]) -> None:
    """Set columns of ``.obs`` and entries of ``.uns``; where anything fails, ``adata`` is as it was."""
    actual(adata)
    is_lazy = not isinstance(adata.obs, pd.DataFrame)  # then columns cannot be deleted, and a copy costs nothing
    obs_before = adata.obs.copy() if is_lazy else {n: adata.obs[n] for n in columns if n in adata.obs.columns}
    uns_before = {name: adata.uns.get(name) for name in entries}
    try:
        for name, values in columns.items():
            adata.obs[name] = values
        for name, entry in entries.items():
            adata.uns[name] = entry
    except BaseException:
        if is_lazy:
            adata.obs = obs_before
        for name in () if is_lazy else columns:
            if name in obs_before:
                adata.obs[name] = obs_before[name]
            elif name in adata.obs.columns:
                del adata.obs[name]
        for name, earlier in uns_before.items():
            if earlier is None:
                adata.uns.pop(name, None)
            elif adata.uns.get(name) is not earlier:
                adata.uns[name] = earlier  # keeps its place among the others
        raise


def _columns(report: DatasetReport, clustering: Clustering, keys: ObsKeys, cells: pd.Index) -> dict[str, pd.Series]:
    rows = rows_of(report.clusters, clustering)

    def categorical(
        value: Callable[[ClusterReport], Optional[str]], levels: Optional[Sequence[str]] = None
    ) -> pd.Series:
        return _categorical([value(cluster) for cluster in report.clusters], rows, cells, levels)

    scores = np.array([*(cluster.confidence_score for cluster in report.clusters), np.nan])
    status_order = [status for status in STATUSES if any(c.status == status for c in report.clusters)]
    status = categorical(lambda c: c.status, status_order)
    return {
        keys.label: categorical(lambda c: c.annotation.primary_label),
        keys.proposed_label: categorical(lambda c: c.annotation.proposed_label),
        keys.broad_label: categorical(lambda c: c.broad_label),
        keys.ontology_id: categorical(lambda c: c.annotation.ontology_id),
        keys.status: status.cat.as_unordered(),
        keys.confidence: categorical(lambda c: c.confidence, CONFIDENCE_LEVELS),
        keys.confidence_score: pd.Series(scores[rows], index=cells),
    }


def _colors(
    report: DatasetReport, columns: Mapping[str, pd.Series], keys: ObsKeys, palette: Palette
) -> dict[str, list[str]]:
    """The colors of the columns of labels, in the order of their categories, as Scanpy's plots look for them."""
    terms: tuple[dict[str, Optional[str]], ...] = ({}, {}, {})
    for cluster in reversed(report.clusters):  # where clusters differ in the term of a label, the first one's counts
        note = cluster.annotation
        terms[0][note.primary_label] = note.ontology_id
        terms[1][note.proposed_label] = note.proposed_ontology_id
        terms[2][cluster.broad_label] = cluster.broad_ontology_id
    return {
        colors_of(column): [palette.color(label, own[label]) for label in columns[column].cat.categories]
        for column, own in zip(keys.colored(), terms)
    }


def curated_columns(report: DatasetReport, clustering: Clustering, key: str, cells: pd.Index) -> dict[str, pd.Series]:
    """The columns of what curators decided, missing for the cells of clusters that are open."""
    rows, keys, decided = rows_of(report.clusters, clustering), ObsKeys(key), standing(report)
    found = [decided.get(cluster.cluster_id) for cluster in report.clusters]
    return {
        keys.curated_label: _categorical([d.to_label if d else None for d in found], rows, cells),
        keys.curated_ontology_id: _categorical([d.to_ontology_id if d else None for d in found], rows, cells),
    }


def _categorical(
    values: Sequence[Optional[str]],
    rows: npt.NDArray[np.intp],
    cells: pd.Index,
    levels: Optional[Sequence[str]] = None,
) -> pd.Series:
    """A column of the cells from a value by cluster."""
    names = list(levels) if levels else list(dict.fromkeys(v for v in values if v is not None))
    codes = np.array([*(names.index(v) if v is not None else -1 for v in values), -1])
    categories = pd.Index(names, dtype=NAMES)
    return pd.Series(pd.Categorical.from_codes(codes[rows], categories=categories, ordered=bool(levels)), index=cells)


def _entries(report: DatasetReport) -> dict[str, str]:
    return {
        UNS_REPORT: _codec.to_json(report),
        UNS_SCHEMA_VERSION: report.schema_version,
        UNS_PARAMETERS: _text(report.parameters),
        UNS_PROVENANCE: _text(asdict(report.provenance)),
        UNS_TELEMETRY: _text(asdict(report.telemetry)),
    }


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), ensure_ascii=False)


def report_of(data: Union[AnnData, DatasetReport], key: str) -> DatasetReport:
    """The report itself, or the one in an annotated object; raises as :func:`read_report` does."""
    return data if isinstance(data, DatasetReport) else read_report(data, key)


def read_report(adata: AnnData, key: str) -> DatasetReport:
    """The report in ``adata.uns[key]``.

    Raises
    ------
    MissingKeyError
        Where there is none.
    ReportError
        Where what is there is not a report.
    """
    if key not in adata.uns:
        msg = f"there is no report in .uns[{key!r}]; run gca_scanpy.tl.annotate(adata, groupby=...) first"
        raise MissingKeyError(msg)
    stored = adata.uns[key]
    text = stored.get(UNS_REPORT) if isinstance(stored, Mapping) else None
    if text is None:
        msg = f".uns[{key!r}] was not written by this package: it has no {UNS_REPORT!r}"
        raise ReportError(msg)
    return _codec.from_json(text if isinstance(text, str) else str(text))


def write_terms(adata: AnnData, key: str, column: str, unknown: str, forbidden: Container[str]) -> None:
    """Write the ontology ids of a run into another column, with a word in place of those that are missing or forbidden.

    Where a curator decided, the curated id counts, and none where the curator's label has none.

    Raises
    ------
    MissingKeyError
        Where the ids of the run are not there.
    """
    keys = ObsKeys(key)
    if keys.ontology_id not in adata.obs.columns:
        msg = (
            f"there is no .obs[{keys.ontology_id!r}]; run gca_scanpy.tl.annotate(adata, groupby=..., "
            f"key_added={key!r}) first"
        )
        raise MissingKeyError(msg)
    found = column_of(adata.obs, keys.ontology_id).astype(object)
    if {keys.curated_label, keys.curated_ontology_id} <= set(adata.obs.columns):
        curated = column_of(adata.obs, keys.curated_ontology_id).astype(object)
        found = found.where(column_of(adata.obs, keys.curated_label).isna(), curated)
    ids = [unknown if pd.isna(value) or value in forbidden else str(value) for value in found]
    categories = pd.Index(sorted(set(ids)), dtype=NAMES)
    terms = pd.Series(pd.Categorical(ids, categories=categories), index=adata.obs_names)
    actual(adata)
    adata.obs[column] = terms
