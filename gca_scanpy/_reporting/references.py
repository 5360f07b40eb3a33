"""What to cite for a report, as text and as BibTeX."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attrs import evolve, frozen

from gca_scanpy._scoring.facts import ASCTB, AT, PROFILE, PublicSource
from gca_scanpy.model import DatasetReport

Tables = Callable[[str, str], Iterable[tuple[str, Sequence[str]]]]
PROJECT, HOME = "gca-scanpy", "https://github.com/gca-scanpy/gca-scanpy"
ONTOLOGY = (
    "Diehl AD, Meehan TF, Bradford YM, et al. The Cell Ontology 2016: enhanced content, modularization, and ontology "
    "interoperability. Journal of Biomedical Semantics 2016"
)
ONTOLOGY_DOI = "10.1186/s13326-016-0088-7"
OWN, LISTS, PROFILES, CITED = SECTIONS = (
    "Software and ontology", "Lists of markers", "Expression profiles", "Cited by the ASCT+B tables",
)  # fmt: skip
PUBMED = "https://pubmed.ncbi.nlm.nih.gov/"
_DOI = re.compile(r"(?:doi:\s*|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_PMID = re.compile(r"PMID:?\s*(\d+)", re.IGNORECASE)
_ARTICLE = re.compile(r"(?P<author>.+?)\. (?P<title>.+)\. (?P<journal>.+) (?P<year>\d{4})")
_PERSON = re.compile(r"(?P<family>.+) (?P<initials>[A-Z]{1,4}(?:-[A-Z])?)")
_ESCAPED = {
    **{sign: f"\\{sign}" for sign in "&%$#_"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"{": "(", "}": ")", "\n": " "},  # BibTeX counts every brace, also an escaped one
}


@frozen
class Reference:
    """A publication, a table or a program.

    Attributes
    ----------
    key
        Its BibTeX key, which depends on nothing but the reference.
    section
        One of :data:`SECTIONS`.
    text
        Authors, title, journal and year; or what is known instead.
    doi, url
        Its DOI and its address; empty if they are not known.
    uses
        What it stands for: names of sources, or tables of ASCT+B that cite it.
    has_author
        Whether the text begins with its authors.
    """

    key: str
    section: str
    text: str
    doi: str = ""
    url: str = ""
    uses: tuple[str, ...] = ()
    has_author: bool = False

    @property
    def identity(self) -> str:
        """What two references to one publication have in common."""
        return self.doi.lower() or self.url or self.key

    @property
    def order(self) -> tuple[int, str, str]:
        """Where it stands in a list."""
        return (SECTIONS.index(self.section), self.text.casefold(), self.key)


def collect(report: DatasetReport, sources: Mapping[str, PublicSource], tables: Tables) -> list[Reference]:
    """The references of a report, each once: the program, the ontology, and the witnesses of the genes it shows.

    Parameters
    ----------
    sources
        The public sources by name.
    tables
        Gives the ASCT+B tables of a type and a gene, with their references.
    """
    merged: dict[str, Reference] = {}
    for reference in (*_own(report), *sorted(_of_sources(report, sources), key=_order), *_cited(report, tables)):
        known = merged.setdefault(reference.identity, reference)
        merged[reference.identity] = evolve(known, uses=tuple(dict.fromkeys([*known.uses, *reference.uses])))
    return sorted(merged.values(), key=_order)


def _order(reference: Reference) -> tuple[int, str, str]:
    return reference.order


def _own(report: DatasetReport) -> Iterator[Reference]:
    made = report.provenance
    version = made.versions.get("gca_scanpy", "")
    database = f"marker database {made.database_version}, sha256 {made.database_sha256}"
    text = f"The gca-scanpy developers. {' '.join(filter(None, [PROJECT, version]))}"
    yield Reference("gca_scanpy", OWN, text, url=HOME, uses=(database,), has_author=True)
    release = f"release {made.ontology_version}"
    yield Reference("diehl2016cell", OWN, ONTOLOGY, ONTOLOGY_DOI, uses=(release,), has_author=True)


def _of_sources(report: DatasetReport, sources: Mapping[str, PublicSource]) -> Iterator[Reference]:
    """The sources that state or show a fact, for its type or a neighbor of it; those of a user's table as they are."""
    witnesses = [one for genes in report.witnesses.values() for one in genes.values()]
    parts = {part for one in witnesses for part in (*one.stated_by, *one.nearby, *one.seen_in)}
    for name in sorted({part.partition(AT)[0] for part in parts}):
        if name not in sources:
            yield _of_name(name, LISTS, ())
            continue
        source = sources[name]
        section = PROFILES if source.kind == PROFILE else LISTS
        where = (source.doi, source.home)
        yield Reference(_key(source), section, source.citation, *where, (source.title,), ". " in source.citation)


def _cited(report: DatasetReport, tables: Tables) -> Iterator[Reference]:
    """What the ASCT+B tables cite for the facts of a report."""
    uses: dict[str, set[str]] = {}
    for genes in report.witnesses.values():
        for gene, witnesses in genes.items():
            if ASCTB in witnesses.stated_by:
                for table, references in tables(witnesses.fact_of, gene):
                    for reference in references:
                        uses.setdefault(reference, set()).add(f"ASCT+B {table}")
    for reference in sorted(uses):
        yield _of_name(reference, CITED, tuple(sorted(uses[reference])))


def _of_name(name: str, section: str, uses: tuple[str, ...]) -> Reference:
    """A reference of which only a DOI, a PubMed id, or a name is known."""
    doi, pmid = _DOI.fullmatch(name), _PMID.fullmatch(name)
    if doi:
        return Reference(f"doi:{_slug(doi[1].lower())}", section, f"doi:{doi[1]}", doi[1], uses=uses)
    if pmid:
        return Reference(f"pmid:{pmid[1]}", section, f"PMID:{pmid[1]}", url=f"{PUBMED}{pmid[1]}/", uses=uses)
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:6]  # two names may have the same slug
    return Reference(f"source:{_slug(name)}:{digest}", section, name, uses=uses)


def _key(source: PublicSource) -> str:
    """Such as ``hu2023cellmarker``; the name of a source that is no article."""
    article = _ARTICLE.fullmatch(source.citation)
    if not article:
        return source.name
    first, word = article["author"].split(",")[0], re.findall(r"\w+", article["title"])[0]
    person = _PERSON.fullmatch(first)
    name = person["family"].replace(" ", "") if person else first.split()[0]
    return _slug(f"{name}{article['year']}{word}".lower())


def _slug(text: str) -> str:
    """Text with those signs only that a BibTeX key may have."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9./:-]+", "_", plain).strip("_")


def as_text(references: Sequence[Reference]) -> str:
    """A line for each reference, by section."""
    lines = []
    for section in SECTIONS:
        of_section = [reference for reference in references if reference.section == section]
        lines += ["", section] if of_section else []
        for one in of_section:
            where = f"doi:{one.doi}" if one.doi else one.url
            known = [one.text] if where in one.text or not where else [one.text, where]
            uses = f" [{', '.join(one.uses)}]" if one.uses else ""
            lines.append(f"- {'. '.join(known)}{uses}")
    return "\n".join([*lines[1:], ""])


def as_bibtex(references: Sequence[Reference]) -> str:
    """A BibTeX entry for each reference."""
    return "\n".join(map(_entry, references))


def _entry(reference: Reference) -> str:
    article = _ARTICLE.fullmatch(reference.text) if reference.has_author else None
    if article:
        fields = article.groupdict()
    elif reference.has_author:
        fields = dict(zip(("author", "title"), reference.text.split(". ", 1)))
    else:
        fields = {"title": reference.text}
    lines = [f"  {name} = {{{_value(name, text)}}}," for name, text in fields.items()]
    # DOI and address are taken as they are: an escaped underscore would be part of the link.
    lines += [f"  doi = {{{_address(reference.doi)}}},"] if reference.doi else []
    lines += [f"  url = {{{_address(reference.url)}}},"] if reference.url and not reference.doi else []
    lines += [f"  note = {{{_escaped('; '.join(reference.uses))}}},"] if reference.uses else []
    return "\n".join([f"@{'article' if article else 'misc'}{{{reference.key},", *lines, "}", ""])


def _value(name: str, text: str) -> str:
    if name == "author":
        return " and ".join(map(_author, text.split(", ")))
    # The second braces keep capitals: scRNA-seq must not become scrna-seq.
    return f"{{{_escaped(text)}}}" if name == "title" else _escaped(text)


def _author(name: str) -> str:
    person = _PERSON.fullmatch(name)
    if person:
        return f"{_escaped(person['family'])}, {'. '.join(person['initials'].replace('-', ''))}."
    return "others" if name == "et al" else f"{{{_escaped(name)}}}"


def _escaped(text: str) -> str:
    return "".join(_ESCAPED.get(sign, sign) for sign in text)


def _address(text: str) -> str:
    return text.replace("{", "%7B").replace("}", "%7D").replace("\\", "%5C")
