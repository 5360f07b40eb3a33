"""Marker databases: load the bundled one, a file, a DataFrame, or several merged."""

from gca_scanpy._core.database import MarkerDatabase
from gca_scanpy.db._load import load

__all__ = ["MarkerDatabase", "load"]
