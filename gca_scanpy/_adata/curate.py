"""What curators decided, into ``.obs`` and the audit trail in ``.uns``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gca_scanpy import _codec
from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.members import clusters_of
from gca_scanpy._adata.tables import column_of
from gca_scanpy._adata.write import curated_columns, read_report, store
from gca_scanpy._keys import UNS_REPORT, UNS_SCHEMA_VERSION, ObsKeys
from gca_scanpy._reporting.curation import carry_over, standing
from gca_scanpy.errors import CurationWarning, GcaError, ReportError, warn
from gca_scanpy.model import SCHEMA_VERSION, DatasetReport

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def read_for_curation(adata: AnnData, key: str) -> DatasetReport:
    """The report, where all that it holds can be written again.

    Raises
    ------
    MissingKeyError, ReportError
        As :func:`gca_scanpy._adata.write.read_report`, or where a later version wrote more than this one knows.
    """
    report = read_report(adata, key)
    if _minor(report.schema_version) > _minor(SCHEMA_VERSION):
        msg = (
            f"the report has schema version {report.schema_version}, and this package, which writes {SCHEMA_VERSION}, "
            "would drop what is new in it; install a later gca-scanpy"
        )
        raise ReportError(msg)
    return report


def _minor(version: str) -> int:
    minor = version.partition(".")[2]
    return int(minor) if minor.isdigit() else 0


def curation_of(adata: AnnData, report: DatasetReport, key: str) -> tuple[dict[str, pd.Series], dict[str, str]]:
    """The columns of ``.obs`` and the entries of ``.uns[key]`` that a report with decisions changes.

    Raises
    ------
    MissingKeyError, InputError
        Where the clusters are no longer those of the report.
    """
    columns = curated_columns(report, clusters_of(adata, report, key), key, adata.obs_names)
    return columns, {UNS_REPORT: _codec.to_json(report), UNS_SCHEMA_VERSION: report.schema_version}


def write_curation(adata: AnnData, report: DatasetReport, key: str) -> None:
    """Write what was decided, all at once or not at all; what the run wrote stays as it is."""
    columns, entries = curation_of(adata, report, key)
    store(adata, columns, {key: {**adata.uns[key], **entries}})


def keep_decisions(adata: AnnData, report: DatasetReport, clustering: Clustering, key: str, when: str) -> DatasetReport:
    """The report of a new run with the decisions of the run whose place it takes.

    The audit trail goes on. A decision stands where its cluster has the very cells that it had; elsewhere the cluster
    is open again, and that is warned of.
    """
    stored = adata.uns.get(key)
    text = stored.get(UNS_REPORT) if isinstance(stored, Mapping) else None
    if not isinstance(text, str) or not _codec.has_decisions(text):  # a look, because to read all of it takes longer
        return report
    try:
        earlier = read_report(adata, key)
    except GcaError:  # it cannot be read
        return report
    report, opened = carry_over(earlier, report, _same(adata, earlier, clustering, key), when)
    if opened:
        there = ", ".join(repr(name) for name in opened[:12])
        message = (
            f"curators had decided on the clusters {there}, which do not have the very same cells in this run; they "
            f"are open again, and gca_scanpy.get.curation(adata, {key!r}) has what was decided"
        )
        warn(message, CurationWarning)
    return report


def _same(adata: AnnData, earlier: DatasetReport, clustering: Clustering, key: str) -> set[str]:
    """Decided clusters that are asked for and have as many cells as they had, each with the label that was decided."""
    column = ObsKeys(key).curated_label
    if column not in adata.obs.columns or clustering.groupby != earlier.parameters.get("groupby"):
        return set()
    labels = column_of(adata.obs, column).astype(object).to_numpy()
    sizes = clustering.sizes
    return {
        name
        for name, decision in standing(earlier).items()
        if name in clustering.ids
        and sizes[name] == earlier.cluster(name).n_cells
        and (labels[clustering.codes == clustering.all_ids.index(name)] == decision.to_label).all()
    }
