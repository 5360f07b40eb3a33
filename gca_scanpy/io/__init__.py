"""Reports to files and back."""

from gca_scanpy.io._cas import to_cas
from gca_scanpy.io._cellxgene import to_cellxgene
from gca_scanpy.io._csv import read_csv, to_csv
from gca_scanpy.io._html import to_html
from gca_scanpy.io._json import json_schema, read_report, to_json
from gca_scanpy.io._markers import read_markers

__all__ = [
    "json_schema", "read_csv", "read_markers", "read_report", "to_cas", "to_cellxgene", "to_csv", "to_html", "to_json",
]  # fmt: skip
