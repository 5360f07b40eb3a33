"""Results of :func:`gca_scanpy.tl.annotate`, as objects and tables."""

from gca_scanpy.get._agreement import agreement
from gca_scanpy.get._clusters import clusters
from gca_scanpy.get._report import report

__all__ = ["agreement", "clusters", "report"]
