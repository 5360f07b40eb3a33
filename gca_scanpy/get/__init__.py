"""Results: the report of a run, its references, tables of its clusters and its curation, the agreement of columns."""

from gca_scanpy.get._results import agreement, clusters, curation, references, report

__all__ = ["agreement", "clusters", "curation", "references", "report"]
