"""Results of :mod:`gca_scanpy.tl`, as objects and tables."""

from gca_scanpy.get._agreement import agreement
from gca_scanpy.get._clusters import clusters
from gca_scanpy.get._curation import curation
from gca_scanpy.get._report import report

__all__ = ["agreement", "clusters", "curation", "report"]
