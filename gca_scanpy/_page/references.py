"""The references of a report as the page lists them. Pure: no HTML, no file."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from attrs import frozen

from gca_scanpy._reporting.references import SECTIONS, Reference

DOI = "https://doi.org/"
SHOWN = 20  # references of a section; a longer section is folded


@frozen
class ReferenceView:
    """A reference: its text, its address if it has one, and what it stands for."""

    text: str
    url: str
    where: str
    uses: str


@frozen
class SectionView:
    """The references of one kind."""

    title: str
    references: tuple[ReferenceView, ...]

    @property
    def is_long(self) -> bool:
        """Whether the section is folded."""
        return len(self.references) > SHOWN


def view_of_references(references: Sequence[Reference]) -> tuple[SectionView, ...]:
    """The sections that have references."""
    sections = (
        SectionView(title, tuple(_view(one) for one in references if one.section == title)) for title in SECTIONS
    )
    return tuple(section for section in sections if section.references)


def _view(reference: Reference) -> ReferenceView:
    url = DOI + quote(reference.doi, safe="/:;()") if reference.doi else reference.url
    where = f"doi:{reference.doi}" if reference.doi else reference.url
    # Of some, nothing but the address is known.
    return ReferenceView("" if reference.text == where else reference.text, url, where, ", ".join(reference.uses))
