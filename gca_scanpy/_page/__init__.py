"""The report as an HTML page: a view of it, pure, and a template that lays the view out."""

from gca_scanpy._page.render import render
from gca_scanpy._page.view import view_of

__all__ = ["render", "view_of"]
