"""The references as the page lists them."""

from __future__ import annotations

from gca_scanpy._page.references import SHOWN, view_of_references
from gca_scanpy._reporting.references import LISTS, OWN, Reference


def test_sections_and_addresses():
    """Sections stand in their order, empty ones are left out; a DOI is an address, and a text is not there twice."""
    by_doi = Reference("a", LISTS, "Doe J. A list. Journal 2020", "10.1/<a b>", uses=("A list", "B"))
    bare = Reference("b", LISTS, "doi:10.1000/x", "10.1000/x")
    named = Reference("c", LISTS, "javascript:alert(1)")
    own = Reference("d", OWN, "The program", url="https://example.org")
    first, second = view_of_references([by_doi, bare, named, own])
    assert (first.title, second.title) == (OWN, LISTS)
    assert [one.url for one in second.references] == [
        "https://doi.org/10.1/%3Ca%20b%3E",
        "https://doi.org/10.1000/x",
        "",
    ]
    assert [one.text for one in second.references] == [by_doi.text, "", named.text]
    assert (second.references[0].where, second.references[0].uses) == ("doi:10.1/<a b>", "A list, B")
    assert first.references[0].url == first.references[0].where == "https://example.org"


def test_a_long_section_is_folded():
    """More references than a reader looks through at once are folded."""
    many = [Reference(str(n), LISTS, str(n)) for n in range(SHOWN + 1)]
    assert view_of_references(many)[0].is_long
    assert not view_of_references(many[1:])[0].is_long
    assert view_of_references([]) == ()
