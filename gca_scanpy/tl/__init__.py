"""Tools: label clusters, check labels, plan what would be sent, take mixed clusters apart, record decisions."""

from gca_scanpy.tl._annotate import annotate, plan, validate
from gca_scanpy.tl._curate import curate, to_cellxgene
from gca_scanpy.tl._split import split

__all__ = ["annotate", "curate", "plan", "split", "to_cellxgene", "validate"]
