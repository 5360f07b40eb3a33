"""The only room that imports anndata: it reads and writes AnnData objects for all other rooms."""

from gca_scanpy._adata.clusters import Clustering, clusters_apart, majority_labels, read_clustering, rows_of
from gca_scanpy._adata.comparison import compare_columns, terms_of
from gca_scanpy._adata.genes import genes_of
from gca_scanpy._adata.members import cells_of, cells_to_draw, embedding_name, read_embedding, reported_clustering
from gca_scanpy._adata.objects import check_writable, duplicate, view_to_actual
from gca_scanpy._adata.votes import CellVerdicts, Column, cell_verdicts, read_column
from gca_scanpy._adata.write import check_key, read_report, report_of, write_ids, write_report, write_terms

__all__ = [
    "CellVerdicts", "Clustering", "Column", "cell_verdicts", "cells_of", "cells_to_draw", "check_key", "check_writable",
    "clusters_apart", "compare_columns", "duplicate", "embedding_name", "genes_of", "majority_labels",
    "read_clustering", "read_column", "read_embedding", "read_report", "report_of", "reported_clustering", "rows_of",
    "terms_of", "view_to_actual", "write_ids", "write_report", "write_terms",
]  # fmt: skip
