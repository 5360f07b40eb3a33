"""Plots of a report, in matplotlib and with the conventions of Scanpy's plots."""

from gca_scanpy.pl._compare import compare, consensus
from gca_scanpy.pl._confidence import candidates, confidence
from gca_scanpy.pl._embedding import embedding, umap
from gca_scanpy.pl._evidence import contrast, evidence
from gca_scanpy.pl._ontology import ontology
from gca_scanpy.pl._report import report
from gca_scanpy.pl._samples import samples

__all__ = [
    "candidates", "compare", "confidence", "consensus", "contrast", "embedding", "evidence", "ontology", "report",
    "samples", "umap",
]  # fmt: skip
