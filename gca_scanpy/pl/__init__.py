"""Plots of the results, matplotlib, with Scanpy's conventions."""

from gca_scanpy.pl._confidence import confidence
from gca_scanpy.pl._report import report

__all__ = ["confidence", "report"]
