"""Reports to files and back."""

from gca_scanpy.io._json import json_schema, read_report, to_json
from gca_scanpy.io._markers import read_markers

__all__ = ["json_schema", "read_markers", "read_report", "to_json"]
