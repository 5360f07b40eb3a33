"""Check that each link within the built site leads to an existing page, and its fragment to a place on that page.

    python scripts/check_links.py SITE

Sphinx checks only the references that it resolves itself. Links to other sites are not followed, because that needs a
network.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links of a page, and the places on it that links can lead to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list) -> None:
        values = dict(attrs)
        self.places |= {values[name] for name in ("id", "name") if values.get(name)}
        self.links |= {values[name] for name in ("href", "src") if values.get(name) and tag != "link"}


def dead(site: Path) -> list[str]:
    """The links without a target, each with its page."""
    pages = {path.resolve(): Page(path) for path in site.rglob("*.html") if "_static" not in path.parts}
    lines = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            page_there = pages.get(target)
            no_place = page_there is not None and unquote(parts.fragment) not in page_there.places
            if no_place or not target.exists():
                lines.append(f"{path.relative_to(site.resolve())}: {link}")
    return lines


if __name__ == "__main__":
    problems = dead(Path(sys.argv[1]))
    if problems:
        raise SystemExit("dead links:\n" + "\n".join(problems))
