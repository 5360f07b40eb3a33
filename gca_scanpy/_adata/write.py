"""Writes a report to ``.obs`` and ``.uns``, completely or not at all, and reads it back."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import asdict

from gca_scanpy import _codec
from gca_scanpy._adata.clusters import Clustering, rows_of
from gca_scanpy._adata.objects import column_of, view_to_actual
from gca_scanpy._events import tell_scanpy
from gca_scanpy._keys import (
    DEFAULT_KEY,
    UNKNOWN_LABEL,
    UNS_PARAMETERS,
    UNS_PROVENANCE,
    UNS_REPORT,
    UNS_SCHEMA_VERSION,
    UNS_TELEMETRY,
    ObsKeys,
    colors_of,
)
from gca_scanpy._names.labels import ShortNames
from gca_scanpy._packages import NAMES
from gca_scanpy._reporting.colors import Color, Palette
from gca_scanpy._reporting.curation import standing
from gca_scanpy._reporting.display import LEVELS, short_labels
from gca_scanpy._reporting.display import STATUSES as STATUS_LOOKS
from gca_scanpy.errors import InputError, MissingKeyError, ReportError
from gca_scanpy.model import CONFIDENCE_LEVELS, STATUSES, ClusterReport, DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData


def check_key(adata: AnnData, key_added: str, groupby: str, inputs: Collection[str] = ()) -> None:
    """Refuse a key under which a run would replace what this package did not write.

    Parameters
    ----------
    inputs
        Other columns that the run reads; with these, the key also gets a column of the agreement.

    Raises
    ------
    InputError
        If the key belongs to other data, or one of its columns is an input of the run.
    """
    keys = ObsKeys(key_added)
    own = (*keys.all(), keys.agreement) if inputs else keys.all()
    replaced = next((name for name in (groupby, *inputs) if name in own), None)
    if replaced is not None:
        what = "the clusters" if replaced == groupby else "which the run reads"
        msg = f"key_added={key_added!r} would replace .obs[{replaced!r}], {what}; choose another key_added"
        raise InputError(msg)
    stored = adata.uns.get(key_added)
    if key_added == DEFAULT_KEY or (isinstance(stored, Mapping) and UNS_REPORT in stored):
        return
    if stored is not None:
        msg = f"key_added={key_added!r} would replace .uns[{key_added!r}], which is of other origin; choose another"
        raise InputError(msg)
    columns = [name for name in own if name in adata.obs.columns]
    if columns and len(columns) < len(own):  # all of them are of a run whose .uns was lost, as by concat
        msg = f"key_added={key_added!r} would replace .obs[{columns[0]!r}], which is of other origin; choose another"
        raise InputError(msg)


def write_report(
    adata: AnnData,
    report: DatasetReport,
    clustering: Clustering,
    key_added: str,
    palette: Palette,
    short: ShortNames,
    agreement: Optional[npt.NDArray[np.float64]] = None,
) -> None:
    """Write the documented keys; if anything fails, ``adata`` is left unchanged.

    Cells without a cluster, and cells of clusters that were not requested, get missing values.

    Parameters
    ----------
    agreement
        For each cell the agreement of the votes. If None, it is that of its cluster, if the report has votes.
    """
    keys = ObsKeys(key_added)
    names = short_labels(report, short)
    columns = _columns(report, names, clustering, keys, adata.obs_names)
    if agreement is not None:
        columns[keys.agreement] = pd.Series(agreement, index=adata.obs_names)
    color = palette.of_report(report)
    entries = {key_added: _entries(report), **_colors(report, names, columns, keys, color)}
    if report.audit:
        columns |= curated_columns(report, clustering, key_added, adata.obs_names)
        entries |= curated_colors(report, columns, key_added, color)
    store(adata, columns, entries)


def read_report(adata: AnnData, key: str) -> DatasetReport:
    """The report in ``adata.uns[key]``.

    Raises
    ------
    MissingKeyError
        If there is no such entry.
    ReportError
        If the entry is not a report.
    """
    if key not in adata.uns:
        msg = f"there is no report in .uns[{key!r}]; run gca_scanpy.tl.annotate(adata, groupby=...) first"
        raise MissingKeyError(msg)
    stored = adata.uns[key]
    text = stored.get(UNS_REPORT) if isinstance(stored, Mapping) else None
    if text is None:
        msg = f".uns[{key!r}] was not written by this package: it has no {UNS_REPORT!r}; pass another key"
        raise ReportError(msg)
    return _codec.from_json(text if isinstance(text, str) else str(text))


def report_of(data: Union[AnnData, DatasetReport], key: str) -> DatasetReport:
    """``data`` itself if it is a report, otherwise the report in it; raises as :func:`read_report` does."""
    return data if isinstance(data, DatasetReport) else read_report(data, key)


def write_terms(adata: AnnData, key: str, column: str, unknown: str, forbidden: Container[str]) -> None:
    """Copy the ontology ids of a run to another column, with ``unknown`` in place of missing and forbidden ids.

    If a curator decided on a cluster, the curated id is used; if the curated label has no id, the id is missing.

    Raises
    ------
    MissingKeyError
        If the ids of the run are missing.
    """
    keys = ObsKeys(key)
    if keys.ontology_id not in adata.obs.columns:
        msg = (
            f"there is no .obs[{keys.ontology_id!r}]; run gca_scanpy.tl.annotate(adata, groupby=..., "
            f"key_added={key!r}) first"
        )
        raise MissingKeyError(msg)
    values = column_of(adata.obs, keys.ontology_id).astype(object)
    if {keys.curated_label, keys.curated_ontology_id} <= set(adata.obs.columns):
        curated = column_of(adata.obs, keys.curated_ontology_id).astype(object)
        values = values.where(column_of(adata.obs, keys.curated_label).isna(), curated)
    write_ids(adata, values, column, unknown, forbidden)


def write_ids(adata: AnnData, values: Iterable[Any], column: str, unknown: str, forbidden: Container[str]) -> None:
    """Write ontology ids to a column of ``.obs``, with ``unknown`` in place of missing and forbidden ids."""
    ids = [unknown if pd.isna(value) or value in forbidden else str(value) for value in values]
    categories = pd.Index(sorted(set(ids)), dtype=NAMES)
    terms = pd.Series(pd.Categorical(ids, categories=categories), index=adata.obs_names)
    view_to_actual(adata)
    adata.obs[column] = terms


def store(adata: AnnData, columns: Mapping[str, pd.Series], entries: Mapping[str, object]) -> None:
    """Set columns of ``.obs`` and entries of ``.uns``; if anything fails, ``adata`` is left unchanged."""
    view_to_actual(adata)
    is_lazy = not isinstance(adata.obs, pd.DataFrame)  # its columns cannot be deleted, but a copy of it is cheap
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
                adata.uns[name] = earlier  # an assignment keeps the order of the keys
        raise
    written = {".obs": list(columns), ".uns": [name for name in entries if not name.endswith(colors_of(""))]}
    told = [f"{', '.join(map(repr, names))} ({place})" for place, names in written.items() if names]
    tell_scanpy("    added " + " and ".join(told), "hint")


def curated_columns(report: DatasetReport, clustering: Clustering, key: str, cells: pd.Index) -> dict[str, pd.Series]:
    """The columns of the curated labels and their ids; cells of open clusters get missing values."""
    rows, keys, decided = rows_of(report.clusters, clustering), ObsKeys(key), standing(report)
    decisions = [decided.get(cluster.cluster_id) for cluster in report.clusters]
    return {
        keys.curated_label: _categorical([d.to_label if d else None for d in decisions], rows, cells),
        keys.curated_ontology_id: _categorical([d.to_ontology_id if d else None for d in decisions], rows, cells),
    }


def curated_colors(
    report: DatasetReport, columns: Mapping[str, pd.Series], key: str, color: Color
) -> dict[str, list[str]]:
    """The colors of the curated labels, in the order of their categories; the same label has that of the run."""
    column = ObsKeys(key).curated_label
    terms = {decision.to_label: decision.to_ontology_id for decision in reversed(standing(report).values())}
    return {colors_of(column): [color(label, terms[label]) for label in columns[column].cat.categories]}


def _columns(
    report: DatasetReport, names: Sequence[str], clustering: Clustering, keys: ObsKeys, cells: pd.Index
) -> dict[str, pd.Series]:
    rows = rows_of(report.clusters, clustering)

    def categorical(
        value: Callable[[ClusterReport], Optional[str]], levels: Optional[Sequence[str]] = None
    ) -> pd.Series:
        return _categorical([value(cluster) for cluster in report.clusters], rows, cells, levels)

    def number(values: Iterable[Optional[float]]) -> pd.Series:
        numbers = np.array([*(np.nan if value is None else value for value in values), np.nan])
        return pd.Series(numbers[rows], index=cells)

    agreements = [c.consensus.agreement if c.consensus else None for c in report.clusters]
    has_votes = any(agreement is not None for agreement in agreements)
    status_order = [status for status in STATUSES if any(c.status == status for c in report.clusters)]
    status = categorical(lambda c: c.status, status_order)
    return {
        keys.label: categorical(lambda c: c.annotation.primary_label),
        keys.short_label: _categorical(names, rows, cells),
        keys.proposed_label: categorical(lambda c: c.annotation.proposed_label),
        keys.broad_label: categorical(lambda c: c.broad_label),
        keys.fine_label: categorical(lambda c: c.fine_label or UNKNOWN_LABEL),
        keys.fine_probability: number(c.fine_probability for c in report.clusters),
        keys.ontology_id: categorical(lambda c: c.annotation.ontology_id),
        keys.status: status.cat.as_unordered(),
        keys.confidence: categorical(lambda c: c.confidence, CONFIDENCE_LEVELS),
        keys.confidence_score: number(c.confidence_score for c in report.clusters),
        **({keys.agreement: number(agreements)} if has_votes else {}),
    }


def _colors(
    report: DatasetReport, names: Sequence[str], columns: Mapping[str, pd.Series], keys: ObsKeys, color: Color
) -> dict[str, list[str]]:
    """The colors of labels, status and confidence, in the order of their categories, as Scanpy's plots expect them."""
    terms: tuple[dict[str, Optional[str]], ...] = ({}, {}, {}, {}, {})
    # If clusters with one label differ in its term, the first is used.
    for cluster, name in reversed(list(zip(report.clusters, names))):
        annotation = cluster.annotation
        terms[0][annotation.primary_label] = annotation.ontology_id
        terms[1][name] = annotation.ontology_id
        terms[2][annotation.proposed_label] = annotation.proposed_ontology_id
        terms[3][cluster.broad_label] = cluster.broad_ontology_id
        terms[4][cluster.fine_label or UNKNOWN_LABEL] = cluster.path[-1].ontology_id if cluster.path else None
    looks = ((keys.status, STATUS_LOOKS), (keys.confidence, LEVELS))
    return {
        **{
            colors_of(column): [color(label, ids[label]) for label in columns[column].cat.categories]
            for column, ids in zip(keys.colored(), terms)
        },
        **{colors_of(column): [look[name].plot for name in columns[column].cat.categories] for column, look in looks},
    }


def _categorical(
    values: Sequence[Optional[str]],
    rows: npt.NDArray[np.intp],
    cells: pd.Index,
    levels: Optional[Sequence[str]] = None,
) -> pd.Series:
    """A column that gives each cell the value of its cluster; ``levels`` are ordered categories."""
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
