"""Builds the site: ``nox -s docs``, or ``sphinx-build docs build/docs``."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import gca_scanpy

if TYPE_CHECKING:
    from docutils.nodes import Node, reference
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

HERE = Path(__file__).parent
# Sphinx reads files in its own folder only, so the notebooks are copied here; the copy is in .gitignore.
shutil.copytree(
    HERE.parent / "notebooks",
    HERE / "notebooks",
    dirs_exist_ok=True,
    ignore=shutil.ignore_patterns(".*", "*.h5ad", "*.png", "*.json", "*.html", "*.csv"),
)

for notebook in (HERE / "notebooks").glob("*.ipynb"):
    notebook.write_text(notebook.read_text(encoding="utf-8").replace("](../docs/", "](../"), encoding="utf-8")

project = "gca-scanpy"
author = "The gca-scanpy developers"
copyright = author
version = release = gca_scanpy.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx_autodoc_typehints",
    "sphinx_copybutton",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]

html_theme = "sphinx_book_theme"
html_title = "gca-scanpy"
html_static_path = ["_static"]
html_css_files = ["room.css"]
html_theme_options = {"show_toc_level": 2, "home_page_in_toc": True, "navbar_persistent": []}

myst_heading_anchors = 3
myst_enable_extensions = ["attrs_inline", "colon_fence"]
nb_execution_mode = "off"  # the site shows the committed outputs; `nox -s notebooks` runs the notebooks
nb_merge_streams = True

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # sphinx_autodoc_typehints writes them
typehints_defaults = "comma"
always_use_bars_union = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# The inventories of other projects are on the network; only Read the Docs is sure to have one.
intersphinx_mapping = (
    {
        "anndata": ("https://anndata.readthedocs.io/en/stable/", None),
        "matplotlib": ("https://matplotlib.org/stable/", None),
        "pandas": ("https://pandas.pydata.org/docs/", None),
        "python": ("https://docs.python.org/3", None),
        "scanpy": ("https://scanpy.readthedocs.io/en/stable/", None),
    }
    if os.environ.get("READTHEDOCS")
    else {}
)
# Every reference must have a target, except references to other projects and to private classes.
OTHERS = "anndata|scanpy|pandas|matplotlib|numpy|collections|typing|pathlib|os|warnings|PathLike|Ellipsis"
BUILTIN = "None|Any|bool|dict|float|int|list|object|str|tuple|type|optional|of|callable|Literal|AnnData|DataFrame"
nitpick_ignore_regex = [
    (r"py:.*", rf"({OTHERS})(\..*)?"),
    (r"py:.*", rf"({BUILTIN})"),
    (r"py:.*", r"(gca_scanpy\.)?(_\w+\.)+\w+|gca_scanpy\._.*"),
    (r"py:class", r"default .+"),  # what numpydoc writes behind a type
]
suppress_warnings = ["sphinx_autodoc_typehints.forward_reference"]


def _resolve_bare_name(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Node) -> Optional[reference]:
    """Find the module of a class that a docstring names without it."""
    name = node.get("reftarget", "").rpartition(".")[2]
    modules = ("errors", "model", "tl", "pl", "get", "io", "db")
    home = next((f"gca_scanpy.{path}" for path in modules if name in dir(getattr(gca_scanpy, path))), "gca_scanpy")
    return env.get_domain("py").resolve_xref(
        env, node["refdoc"], app.builder, node.get("reftype", "obj"), f"{home}.{name}", node, content
    )


def _link_to_copies(app: Sphinx, docname: str, source: list[str]) -> None:
    """Make links to the notebooks lead to their copies."""
    source[0] = source[0].replace("](../notebooks/", "](notebooks/")


def _split_attributes(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Give each attribute its own entry if a docstring explains several together."""
    split: list[str] = []
    while lines:
        line = lines.pop(0)
        head = re.fullmatch(r":ivar (\w+(?:, \w+)+):(.*)", line)
        more = []
        while head and lines and lines[0].startswith(" "):
            more.append(lines.pop(0))
        names = head[1].split(", ") if head else []
        split += [text for name in names for text in (f":ivar {name}:{head[2]}", *more)] if head else [line]
    lines[:] = split


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the functions of this file to Sphinx."""
    app.connect("missing-reference", _resolve_bare_name)
    app.connect("source-read", _link_to_copies)
    app.connect("autodoc-process-docstring", _split_attributes, priority=600)  # after napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
