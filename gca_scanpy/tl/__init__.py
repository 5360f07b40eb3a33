"""Tools: label the clusters of an AnnData object, and record what a curator decides about the labels."""

from gca_scanpy.tl._annotate import annotate
from gca_scanpy.tl._curate import curate
from gca_scanpy.tl._to_cellxgene import to_cellxgene

__all__ = ["annotate", "curate", "to_cellxgene"]
