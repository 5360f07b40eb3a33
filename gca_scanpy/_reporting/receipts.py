"""The witnesses of the genes that a report shows: collected once for all clusters, and put into words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal, Optional

from attrs import frozen

from gca_scanpy._names.ontology import Ontology
from gca_scanpy._scoring.case import Case
from gca_scanpy._scoring.facts import AT, PROFILE, PublicSource
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy.model import Candidate, ClusterReport, Witnesses

SHOWN_GENES = 8  # of each candidate
SHOWN_NEIGHBORS = 3

Grade = Literal["exact", "nearby", "none"]
Collected = dict[str, dict[str, Witnesses]]  # by type, then by gene


@frozen
class Look:
    """How a grade is shown: a sign, and what it means."""

    mark: str
    meaning: str


GRADES: Mapping[Grade, Look] = {
    "exact": Look("●", "witnessed for this type"),
    "nearby": Look("◐", "witnessed for a related type only"),
    "none": Look("○", "no witness"),
}


@frozen
class Receipt:
    """The witnesses of a gene in words, and how near they are to the type in question."""

    grade: Grade
    text: str

    @property
    def is_witnessed(self) -> bool:
        """Whether there is any witness."""
        return self.grade != "none"


NO_WITNESS = Receipt("none", GRADES["none"].meaning)


def collect(cases: Sequence[Case], clusters: Sequence[ClusterReport]) -> Collected:
    """The witnesses of the genes that support the proposed labels and the candidates of the clusters."""
    collected: Collected = {}
    for case, cluster in zip(cases, clusters):
        symbols = {gene.name: gene.symbol for gene in (*case.weights.ranked, *case.weights.present)}
        ontology = case.index.lineages.ontology
        for key, genes in _shown(cluster, ontology):
            of_type = collected.setdefault(key, {})
            for gene in genes:
                if gene in symbols and gene not in of_type:
                    witnesses = _reported(key, symbols[gene], case.index)
                    if witnesses is not None:
                        of_type[gene] = witnesses
    return {key: genes for key, genes in collected.items() if genes}


def _shown(cluster: ClusterReport, ontology: Ontology) -> Iterator[tuple[str, Iterable[str]]]:
    """The types of a cluster with their genes."""
    label, term = cluster.judged
    # An id that a model made up is reported as it came, but the evidence is that of the label.
    key = term if term is not None and term in ontology else label
    yield key, cluster.validation.supporting_markers
    for candidate in cluster.candidates:
        yield candidate.ontology_id or candidate.label, _strongest(candidate)


@lru_cache(maxsize=16384)  # the next run, or that of another sample, has the same types
def _reported(key: str, symbol: str, index: MarkerIndex) -> Optional[Witnesses]:
    """The witnesses of a gene's fact for a type as a report has them."""
    witnesses = index.witnesses(key, symbol)
    return witnesses and _short(witnesses, key, index.lineages.ontology)


def _short(witnesses: Witnesses, key: str, ontology: Ontology) -> Witnesses:
    """Without neighbors if there are nearer witnesses: they would be half of the report.

    The fact may be of an ancestor of the type, whose neighbors need not be relatives of the type.
    """
    if not witnesses.nearby:
        return witnesses
    ending = f"{AT}{key}"
    nearby = tuple([one for one in witnesses.nearby if one.endswith(ending)])
    if not (nearby or witnesses.stated_by or witnesses.seen_in):
        if key not in ontology:
            return witnesses
        by_key = ((one.rpartition(AT)[2], one) for one in witnesses.nearby)
        nearby = tuple(one for neighbor, one in by_key if ontology.related(neighbor, key))
    # Not evolve, which takes ten times as long: a report has thousands of witnesses.
    return Witnesses(witnesses.fact_of, witnesses.stated_by, nearby, witnesses.seen_in, witnesses.measured)


@frozen
class Describer:
    """What puts witnesses into words.

    Attributes
    ----------
    ontology
        Gives the names of types.
    sources
        The public sources by name; other sources have no other name.
    """

    ontology: Ontology
    sources: Mapping[str, PublicSource]

    def __call__(self, key: str, witnesses: Optional[Witnesses]) -> Receipt:
        """The receipt of a gene's fact for the type with this key."""
        if witnesses is None:
            return NO_WITNESS
        near, is_stated = _by_type(witnesses.nearby), bool(witnesses.stated_by or witnesses.seen_in)
        if witnesses.fact_of == key:
            own, is_exact = self._known(witnesses), is_stated
        else:  # a source may state for the type what the database has for a relative only
            own = self._neighbor(near.pop(key, []))
            is_exact = bool(own)
        if is_exact:
            return Receipt("exact", own)
        if is_stated:
            return Receipt("nearby", self._of_type(witnesses.fact_of, self._known(witnesses)))
        texts = self._near(near)
        return Receipt("nearby", _joined(own, *texts)) if texts else Receipt("none", _joined(NO_WITNESS.text, own))

    def _known(self, witnesses: Witnesses) -> str:
        n, measured = len(witnesses.seen_in), witnesses.measured
        return _joined(_seen(f"{n} of {measured}", measured) if measured else "", self._stated(witnesses.stated_by))

    def _near(self, by_type: Mapping[str, Sequence[str]]) -> list[str]:
        """What is known of each neighbor, the first ones only."""
        texts = [self._of_type(key, self._neighbor(names)) for key, names in list(by_type.items())[:SHOWN_NEIGHBORS]]
        more = len(by_type) - SHOWN_NEIGHBORS
        return [*texts, *([f"and for {more} more {'type' if more == 1 else 'types'}"] if more > 0 else [])]

    def _neighbor(self, names: Sequence[str]) -> str:
        profiles = [name for name in names if name in self.sources and self.sources[name].kind == PROFILE]
        lists = [name for name in names if name not in profiles]
        return _joined(_seen(str(len(profiles)), len(profiles)) if profiles else "", self._stated(lists))

    def _stated(self, names: Iterable[str]) -> str:
        titles = [self.sources[name].title if name in self.sources else name for name in names]
        return f"stated by {', '.join(titles)}" if titles else ""

    def _of_type(self, key: str, known: str) -> str:
        return f"for {self.ontology.label(key) if key in self.ontology else key}: {known}"


def _by_type(nearby: Iterable[str]) -> dict[str, list[str]]:
    """The sources by the neighbor for which they state a fact."""
    by_type: dict[str, list[str]] = {}
    for one in nearby:
        source, _, key = one.partition(AT)
        by_type.setdefault(key, []).append(source)
    return by_type


def _seen(count: str, of: int) -> str:
    return f"seen in {count} {'profile' if of == 1 else 'profiles'}"


def _joined(*texts: str) -> str:
    return "; ".join(filter(None, texts))


@frozen
class Receipts:
    """The receipts of the genes of a report: no gene has one if the report is older than witnesses, or has none."""

    witnesses: Mapping[str, Mapping[str, Witnesses]]
    describe: Describer

    def of_label(self, cluster: ClusterReport) -> dict[str, Receipt]:
        """The receipts of the supporting markers of a cluster."""
        label, term = cluster.judged
        key = term if term is not None and term in self.witnesses else label
        return self._of(key, cluster.validation.supporting_markers)

    def of_candidate(self, candidate: Candidate) -> dict[str, Receipt]:
        """The receipts of the strongest genes of a candidate."""
        return self._of(candidate.ontology_id or candidate.label, _strongest(candidate))

    def _of(self, key: str, genes: Iterable[str]) -> dict[str, Receipt]:
        of_type = self.witnesses.get(key, {})
        return {gene: self.describe(key, of_type.get(gene)) for gene in genes} if self.witnesses else {}


def _strongest(candidate: Candidate) -> list[str]:
    return [evidence.gene for evidence in candidate.supporting[:SHOWN_GENES]]
