"""Tools: label clusters, check and join labels, plan what is sent, take mixed clusters apart, record decisions."""

from gca_scanpy.tl._annotate import annotate, plan, validate
from gca_scanpy.tl._consensus import consensus
from gca_scanpy.tl._curate import curate
from gca_scanpy.tl._split import split
from gca_scanpy.tl._to_cellxgene import to_cellxgene

__all__ = ["annotate", "consensus", "curate", "plan", "split", "to_cellxgene", "validate"]
