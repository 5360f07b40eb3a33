"""Tools: label the clusters of an AnnData object, and record what a curator decides about the labels."""

from gca_scanpy.tl._annotate import annotate
from gca_scanpy.tl._curate import curate

__all__ = ["annotate", "curate"]
