"""Reports to files and back."""

from gca_scanpy.io._json import json_schema, read_report, to_json

__all__ = ["json_schema", "read_report", "to_json"]
