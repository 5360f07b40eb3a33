"""The only room that reads or writes AnnData."""

from gca_scanpy._adata.clusters import Clustering, majority_labels, read_clustering
from gca_scanpy._adata.embedding import read_embedding
from gca_scanpy._adata.members import cells_of, rows_of
from gca_scanpy._adata.objects import actual, duplicate
from gca_scanpy._adata.shown import compare_columns, genes_of
from gca_scanpy._adata.write import read_report, report_of, write_report, write_terms

__all__ = [
    "Clustering", "actual", "cells_of", "compare_columns", "duplicate", "genes_of", "majority_labels",
    "read_clustering", "read_embedding", "read_report", "report_of", "rows_of",
    "write_report", "write_terms",
]  # fmt: skip
