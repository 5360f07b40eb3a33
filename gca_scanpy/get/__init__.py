"""Results: the report of a run, tables of it, its references and methods, contrasts of types, agreement of columns."""

from gca_scanpy.get._contrast import contrast
from gca_scanpy.get._results import agreement, clusters, curation, methods, references, report

__all__ = ["agreement", "clusters", "contrast", "curation", "methods", "references", "report"]
