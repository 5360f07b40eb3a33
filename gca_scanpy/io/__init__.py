"""Files: reports as JSON, HTML, CSV and Cell Annotation Schema documents, and tables of marker genes."""

from gca_scanpy._page.html import to_html
from gca_scanpy.io._files import json_schema, read_markers, read_report, to_cas, to_csv, to_json

__all__ = ["json_schema", "read_markers", "read_report", "to_cas", "to_csv", "to_html", "to_json"]
