"""The report as an HTML page: a pure view of it, and the template and the script that lay the view out."""

from gca_scanpy._page.render import data_of, render
from gca_scanpy._page.view import view_of

__all__ = ["data_of", "render", "view_of"]
