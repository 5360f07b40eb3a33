"""What a publication says of a report: a methods paragraph, and what to cite, as text and as BibTeX."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attrs import evolve, frozen

from gca_scanpy._judging.reasons import counted
from gca_scanpy._reporting.curation import standing
from gca_scanpy._reporting.report import listed, makers
from gca_scanpy._scoring.facts import ASCTB, AT, PROFILE, PublicSource
from gca_scanpy.model import CONFIDENCE_LEVELS, STATUSES, DatasetReport

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


DIGITS = 12  # of a sha256
PACKAGES = ("scanpy", "anndata")


def paragraph(report: DatasetReport) -> str:
    """The paragraph, in which what the report does not have is left out."""
    parts = (_software, _genes, _thresholds, _votes, _samples, _labels, _counts, _curation)
    return " ".join(sentence for part in parts for sentence in part(report))


def _software(report: DatasetReport) -> Iterator[str]:
    made, versions = report.provenance, report.provenance.versions
    groupby = report.parameters.get("groupby", "")
    others = [f"{name} {versions[name]}" for name in PACKAGES if versions.get(name)]
    release = " ".join(["gca-scanpy", *filter(None, [versions.get("gca_scanpy")])])
    what = f"{counted(len(report.clusters), 'cluster')}{f' in {groupby!r}' if groupby else ''}"
    given = any(cluster.source == "user" and not cluster.consensus for cluster in report.clusters)
    done = f"{'was' if len(report.clusters) == 1 else 'were'} {'checked' if given else 'labeled'}"
    yield f"{what} {done} with {release}{f' ({listed(others)})' if others else ''}."
    yield (
        f"The marker database was {made.database_version} (sha256 {made.database_sha256[:DIGITS]}), and the Cell "
        f"Ontology was release {made.ontology_version}."
    )


def _genes(report: DatasetReport) -> Iterator[str]:
    made, parameters = report.provenance, report.parameters
    if made.species:
        genes = f", with the genes of {made.genes_of}" if made.genes_of not in ("", made.species) else ""
        yield f"The species was {made.species}{genes}."
    tissues = [text if (text,) == read else f"{text!r} (read as {listed(read)})" for text, read in made.tissues.items()]
    yield f"The tissue was {listed(tissues)}." if tissues else "No tissue was given."
    if _has_votes_alone(report):
        yield "No marker genes were used."
    elif "groupby" not in parameters:
        yield "The marker genes of each cluster were given."
    elif "method" in parameters:
        most = f", and at most {parameters['n_markers']} of each cluster were used" if "n_markers" in parameters else ""
        yield f"The genes were ranked by {parameters['method']}{most}."


def _thresholds(report: DatasetReport) -> Iterator[str]:
    parameters = report.parameters
    if "min_support" in parameters and not _has_votes_alone(report):
        yield f"The least number of genes known for a label was {parameters['min_support']}."
    if "certainty" in parameters and any(cluster.source == "offline" for cluster in report.clusters):
        yield f"The offline scorer's labels were as fine as a probability of {parameters['certainty']} permitted."


def _has_votes_alone(report: DatasetReport) -> bool:
    """Whether the labels are a consensus for each cell, for which no genes are ranked."""
    return "n_markers" not in report.parameters and any(cluster.consensus for cluster in report.clusters)


def _votes(report: DatasetReport) -> Iterator[str]:
    joined = [cluster.consensus for cluster in report.clusters if cluster.consensus]
    keys = dict.fromkeys(vote.key for one in joined for vote in one.votes)
    if not keys:
        return
    weights = report.parameters.get("weights", "").strip("{}")
    how = f"the weights {weights}" if weights else "equal weights"
    yield f"The labels of {listed(list(map(repr, keys)))} were joined by the ontology, with {how}."
    if "min_agreement" in report.parameters:
        yield f"A label needed an agreement of {report.parameters['min_agreement']}."
    agreed, disputed = sum(bool(one.label) for one in joined), sum(bool(one.dissenters) for one in joined)
    yield (
        f"The votes agreed on a label for {counted(agreed, 'cluster')}, at least one column dissented for {disputed}, "
        f"and the marker genes decided between split votes for {sum(one.by_markers for one in joined)}."
    )


def _samples(report: DatasetReport) -> Iterator[str]:
    parameters, said = report.parameters, [{one.vote for one in cluster.samples} for cluster in report.clusters]
    samples = {one.sample for cluster in report.clusters for one in cluster.samples}
    if samples:
        differ = sum("differs" in votes for votes in said)
        agree = sum("agrees" in votes for votes in said) - sum({"agrees", "differs"} <= votes for votes in said)
        yield (
            f"Each cluster was also judged in each of {counted(len(samples), 'sample')} in "
            f"{parameters.get('sample_key', '')!r}: all samples that had a vote agreed with the label of {agree} of "
            f"{counted(len(said), 'cluster')}, and at least one differed for {differ}."
        )
    if "within" in parameters and "agreement" in parameters:
        yield (
            f"The samples in {parameters['within']!r} were clustered apart, and the same kind of cell got one name if "
            f"a share of at least {parameters['agreement']} of its samples supported it."
        )


def _labels(report: DatasetReport) -> Iterator[str]:
    cost, made = report.telemetry, report.provenance
    if report.clusters:
        yield f"The labels came from {makers(report)}."
    if made.model is None and not cost.requests and not cost.cache_hits:
        yield "No language model was asked."
        return
    asked = f"{counted(cost.requests, 'request')} to language models {'was' if cost.requests == 1 else 'were'} sent"
    version = f" (prompt version {made.prompt_version})" if made.prompt_version else ""
    cached = f"{counted(cost.cache_hits, 'answer')} came from the cache"
    yield f"{asked}{version}, {cached}, and {counted(cost.unanswered, 'cluster')} got no answer."
    again = [(cluster, one) for cluster in report.clusters for one in cluster.asked_again]
    if again:
        answers = sum(bool(one.second.label) for _, one in again)
        shown = sum(one.contrast is not None for _, one in again)
        kept = len({cluster.cluster_id for cluster, _ in again if cluster.status == "supported"})
        yield (
            f"{counted(len(again), 'stopped label')} {'was' if len(again) == 1 else 'were'} put back to the models, "
            f"{shown} with the genes that separate it from a rival; {answers} got a second answer, and {kept} of these "
            "clusters had a supported label in the end."
        )


def _counts(report: DatasetReport) -> Iterator[str]:
    status, levels = (Counter(getattr(c, name) for c in report.clusters) for name in ("status", "confidence"))
    by_status = listed([f"{status[name]} {'was' if status[name] == 1 else 'were'} {name}" for name in STATUSES])
    by_level = listed([f"{name} for {levels[name]}" for name in reversed(CONFIDENCE_LEVELS)])
    yield f"Of {counted(len(report.clusters), 'cluster')}, {by_status}; the confidence was {by_level}."


def _curation(report: DatasetReport) -> Iterator[str]:
    decisions = list(standing(report).values())
    if not decisions:
        yield "No label was curated."
        return
    kinds = Counter(decision.kind for decision in decisions)
    parts = [f"{kind} for {kinds[kind]}" for kind in ("accepted", "changed", "mixed") if kinds[kind]]
    people = listed(sorted({one.who for one in decisions}))
    yield f"{people} decided on {counted(len(decisions), 'cluster')}: {listed(parts)}."
