"""Tools: label clusters, also of samples; check labels; plan what would be sent; split mixed clusters; decide."""

from gca_scanpy.tl._annotate import annotate, plan, validate
from gca_scanpy.tl._curate import curate
from gca_scanpy.tl._harmonize import harmonize
from gca_scanpy.tl._split import split
from gca_scanpy.tl._to_cellxgene import to_cellxgene

__all__ = ["annotate", "curate", "harmonize", "plan", "split", "to_cellxgene", "validate"]
