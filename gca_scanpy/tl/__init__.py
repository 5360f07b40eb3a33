"""Tools: label clusters, check labels that exist, plan what would be sent, and record a curator's decisions."""

from gca_scanpy.tl._annotate import annotate, plan, validate
from gca_scanpy.tl._curate import curate
from gca_scanpy.tl._to_cellxgene import to_cellxgene

__all__ = ["annotate", "curate", "plan", "to_cellxgene", "validate"]
