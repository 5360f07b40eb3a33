"""Marker databases: load the bundled one, a file, a DataFrame, or several merged; look up, check, export and fetch."""

from gca_scanpy._scoring.database import MarkerDatabase
from gca_scanpy.db._assets import Fetched, fetch
from gca_scanpy.db._describe import Verification, verify
from gca_scanpy.db._fact import Citation, Fact, Witness, fact
from gca_scanpy.db._io import export, load

__all__ = [
    "Citation", "Fact", "Fetched", "MarkerDatabase", "Verification", "Witness", "export", "fact", "fetch", "load",
    "verify",
]  # fmt: skip
