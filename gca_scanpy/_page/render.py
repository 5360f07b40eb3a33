"""A view to HTML, self-contained: style and script within, nothing loaded from anywhere."""

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
# One script of these parts, in an order in which each knows what it builds on.
SCRIPT = (
    "data", "make", "theme", "colour", "dots", "scatter", "gestures", "tip", "legend", "table", "export", "drawer",
    "main",
)  # fmt: skip


@lru_cache(maxsize=8)
def template(package: str, name: str) -> Template:
    """A template of a package's own, in which every text is escaped."""
    loader = PackageLoader(package, "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)


def _own(name: str) -> str:
    return (files("gca_scanpy._page") / "templates" / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _style() -> str:
    return _own("report.css")


@lru_cache(maxsize=1)
def _script() -> str:
    return "\n".join(_own(f"{part}.js") for part in SCRIPT)


def _policy(style: str, script: str) -> str:
    """The Content-Security-Policy: this very style sheet and script, and nothing else at all."""
    return (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; connect-src 'none'; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def render(view: PageView, data: str) -> str:
    """The page as HTML text, with the JSON of :func:`data_of` in it; the same view gives the same text."""
    style, script = _style(), _script()
    # Only the package's own files, and JSON that cannot end its element, are marked as safe; all else is escaped.
    html = template("gca_scanpy._page", "report.html.j2").render(
        page=view, style=Markup(style), script=Markup(script), data=Markup(data), policy=_policy(style, script)
    )
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", html)
