"""Results: the report of a run, and tables of its clusters, its curation and the agreement of two columns."""

from gca_scanpy.get._results import agreement, clusters, curation, report

__all__ = ["agreement", "clusters", "curation", "report"]
