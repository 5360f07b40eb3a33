"""A view to HTML, self-contained: styles within, no script, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from gca_scanpy._page.view import PageView

# Control characters and half letters, which no HTML page can hold.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@lru_cache(maxsize=1)
def _template() -> Template:
    loader = PackageLoader("gca_scanpy._page", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.j2")


@lru_cache(maxsize=1)
def _style() -> str:
    return (files("gca_scanpy._page") / "templates" / "report.css").read_text(encoding="utf-8")


def _policy(style: str) -> str:
    """The Content-Security-Policy: this very style sheet, and nothing else at all."""
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def render(view: PageView) -> str:
    """The page as HTML text; the same view gives the same text."""
    style = _style()
    # Only the package's own style sheet is marked as safe; every text of the report is escaped.
    html = _template().render(page=view, style=Markup(style), policy=_policy(style))
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", html)
