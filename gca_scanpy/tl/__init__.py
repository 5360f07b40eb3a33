"""Tools: label clusters, check and join labels, plan what is sent, take mixed clusters apart, record decisions."""

from gca_scanpy.tl._annotate import annotate, plan, validate
from gca_scanpy.tl._consensus import consensus
from gca_scanpy.tl._curate import curate, to_cellxgene
from gca_scanpy.tl._split import split

__all__ = ["annotate", "consensus", "curate", "plan", "split", "to_cellxgene", "validate"]
