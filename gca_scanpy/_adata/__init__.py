"""The only room that reads or writes AnnData."""

from gca_scanpy._adata.clusters import Clustering, majority_labels, read_clustering
from gca_scanpy._adata.rank import read_markers
from gca_scanpy._adata.write import actual, read_report, report_of, write_report

__all__ = [
    "Clustering", "actual", "majority_labels", "read_clustering", "read_markers", "read_report", "report_of",
    "write_report",
]  # fmt: skip
