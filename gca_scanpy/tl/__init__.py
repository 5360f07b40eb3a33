"""Tools: label the clusters of an AnnData object."""

from gca_scanpy.tl._annotate import annotate

__all__ = ["annotate"]
