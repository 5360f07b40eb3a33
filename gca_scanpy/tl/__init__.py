"""Tools: label clusters, also of samples; check and join labels; plan what is sent; split mixed clusters; decide."""

from gca_scanpy.tl._annotate import annotate, plan, validate
from gca_scanpy.tl._apart import harmonize, split
from gca_scanpy.tl._consensus import consensus
from gca_scanpy.tl._curate import curate, to_cellxgene

__all__ = ["annotate", "consensus", "curate", "harmonize", "plan", "split", "to_cellxgene", "validate"]
