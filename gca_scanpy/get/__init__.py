"""Results of :mod:`gca_scanpy.tl`, as objects and tables."""

from gca_scanpy.get._agreement import agreement
from gca_scanpy.get._report import clusters, curation, report

__all__ = ["agreement", "clusters", "curation", "report"]
