"""From marker genes to the report: the steps, in order."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Optional, Union

from attrs import Factory, evolve, field, frozen

from gca_scanpy._consult import Consultation, Consulted, consult, unsure_of
from gca_scanpy._judging import judge
from gca_scanpy._llm import prompt
from gca_scanpy._llm.gate import Gate
from gca_scanpy._llm.question import Question
from gca_scanpy._log import Clock
from gca_scanpy._names import genes
from gca_scanpy._reporting import report
from gca_scanpy._scoring import index, likelihood
from gca_scanpy._scoring.database import MarkerDatabase
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._settings import Settings
from gca_scanpy._steps import ClusterMarkers, RankedGene, Verdict
from gca_scanpy._version import __version__
from gca_scanpy.db import _bundled
from gca_scanpy.errors import (
    GeneNameWarning,
    InputError,
    NoOverlapError,
    UnknownSpeciesError,
    UnknownTissueWarning,
    warn,
)
from gca_scanpy.model import Candidate, ClusterReport, DatasetReport, Provenance, Telemetry

MIN_KNOWN = 1 / 3  # share of the marker genes in the database, below which it is said
EXAMPLES = 4


@frozen(kw_only=True)
class Request:
    """What is asked of the pipeline, beside the markers.

    Attributes
    ----------
    tissue
        One name for all clusters, or a name by cluster id.
    proposed
        Labels to validate, by cluster id, with the share of cells that have them; None to propose labels.
    request_id
        Names the run in its report and its log; that of the settings, or a new one.
    """

    species: str
    tissue: Union[str, Mapping[str, str], None]
    context: Optional[str]
    database: MarkerDatabase
    settings: Settings
    consultation: Consultation = field(factory=Consultation)
    proposed: Optional[Mapping[str, tuple[str, float]]] = None
    parameters: Mapping[str, str] = field(factory=dict)
    cells_without_cluster: int = 0
    seconds: Mapping[str, float] = field(factory=dict)
    request_id: str = Factory(lambda self: self.settings.request_id or str(uuid.uuid4()), takes_self=True)


def annotate(markers: Sequence[ClusterMarkers], request: Request) -> DatasetReport:
    """Label clusters.

    Raises
    ------
    UnknownSpeciesError
        Where the species is not human or mouse.
    NoOverlapError
        Where no gene is a gene symbol of the species or of the database.
    """
    clock = Clock(request.seconds)
    marker_index = _index(request.database, check_species(request.species))
    tissues = _tissues(markers, request.tissue)
    with clock.step("genes"):
        names = (gene.name for c in markers for gene in (*c.genes, *c.expressed, *c.present, *c.absent))
        symbols = _bundled.gene_names().canonical_all(names, marker_index.species, marker_index.known)
        known = _known_to(marker_index, symbols)
        clusters = [_with_symbols(c, request, symbols, known) for c in markers]
        warnings = _gene_warnings(clusters, request, marker_index)
    with clock.step("scoring"):
        candidates = {c.cluster_id: likelihood.rank(c, tissues[c.cluster_id], marker_index) for c in clusters}
    limits = judge.Limits(request.settings.min_support, request.settings.mixed_ratio)
    with clock.step("verdicts"):
        offline = {c.cluster_id: likelihood.propose(c, candidates[c.cluster_id], marker_index) for c in clusters}
        if request.proposed is None and (request.consultation.models or request.consultation.dry_run):
            unsure = unsure_of(clusters, offline, candidates, marker_index, tissues, limits)
            question = Question(candidates, marker_index.species, request.context, request.database.sha256)
            consulted = consult(clusters, offline, unsure, question, marker_index, request.consultation)
        else:
            consulted = Consulted(_given(clusters, candidates, request, marker_index) or offline, Gate())
    verdicts = consulted.verdicts
    with clock.step("guardrails"):
        judgments = {}
        for c in clusters:
            key = c.cluster_id
            judgments[key] = judge.check(verdicts[key], c, candidates[key], marker_index, tissues[key], limits)
    reports = [
        report.cluster_report(
            c,
            verdicts[c.cluster_id],
            judgments[c.cluster_id],
            candidates[c.cluster_id],
            marker_index.lineages,
            force_unknown=request.settings.force_unknown,
        )
        for c in clusters
    ]
    telemetry = _telemetry(reports, consulted, request, clock.seconds)
    warnings += consulted.warnings
    return report.dataset_report(reports, request.parameters, _provenance(request), telemetry, warnings)


def _telemetry(
    reports: Sequence[ClusterReport], consulted: Consulted, request: Request, seconds: Mapping[str, float]
) -> Telemetry:
    cache, gate = request.consultation.cache, consulted.gate
    return Telemetry(
        clusters=len(reports),
        cache_hits=cache.hits if cache else 0,
        cache_misses=cache.misses if cache else 0,
        requests=gate.requests,
        prompt_tokens=gate.prompt_tokens,
        completion_tokens=gate.completion_tokens,
        overrides=sum(1 for r in reports if r.annotation.primary_label != r.annotation.proposed_label),
        cells_without_cluster=request.cells_without_cluster,
        seconds=seconds,
        retries=gate.retries,
        reasked=consulted.reasked,
        unanswered=consulted.unanswered,
        invented_clusters=consulted.invented,
        struck_markers=sum(len(r.struck_markers) for r in reports),
        cluster_tokens=consulted.tokens,
        request_seconds=tuple(gate.took),
    )


def check_species(species: str) -> str:
    """The species in the form of the database; raises :class:`UnknownSpeciesError` for any other."""
    name = str(species).strip().casefold()
    known = {"homo sapiens": "human", "hs": "human", "mus musculus": "mouse", "mm": "mouse"}
    name = known.get(name, name)
    if name not in genes.SPECIES:
        msg = f"species={species!r} is not known; known are: {', '.join(genes.SPECIES)}"
        raise UnknownSpeciesError(msg)
    return name


_INDEXES: dict[tuple[str, str], MarkerIndex] = {}


def _index(database: MarkerDatabase, species: str) -> MarkerIndex:
    """The index of a database, kept: building one takes longer than scoring with it."""
    key = (database.sha256, species)
    if key not in _INDEXES:
        if len(_INDEXES) >= 8:
            _INDEXES.clear()
        _INDEXES[key] = index.build(database, species, _bundled.lineages(), _bundled.gene_names().orthologs)
    return _INDEXES[key]


def _known_to(marker_index: MarkerIndex, symbols: Mapping[str, Optional[str]]) -> dict[str, RankedGene]:
    """The genes that the database knows, by name; each once, because thousands are in many clusters."""
    named = ((name, symbol) for name, symbol in symbols.items() if symbol is not None)
    return {name: RankedGene(name, symbol) for name, symbol in named if symbol.upper() in marker_index.known}


def _with_symbols(
    cluster: ClusterMarkers,
    request: Request,
    symbols: Mapping[str, Optional[str]],
    known: Mapping[str, RankedGene],
) -> ClusterMarkers:
    tissue = request.tissue if isinstance(request.tissue, str) else (request.tissue or {}).get(cluster.cluster_id)

    def named(genes: Sequence[RankedGene]) -> tuple[RankedGene, ...]:
        return tuple(evolve(gene, symbol=symbols[gene.name]) for gene in genes)

    def marking(genes: Sequence[RankedGene]) -> tuple[RankedGene, ...]:
        """Those of many genes that the database knows."""
        return tuple(known[gene.name] for gene in genes if gene.name in known)

    return evolve(
        cluster,
        genes=named(cluster.genes),
        expressed=named(cluster.expressed),
        present=marking(cluster.present),
        absent=marking(cluster.absent),
        tissue=tissue,
    )


def _tissues(
    markers: Sequence[ClusterMarkers], tissue: Union[str, Mapping[str, str], None]
) -> dict[str, tuple[str, ...]]:
    """Canonical tissues by cluster; what is not in the vocabulary is warned of, once each."""
    ids = [c.cluster_id for c in markers]
    if isinstance(tissue, Mapping):
        strangers = [str(key) for key in tissue if str(key) not in ids]
        if strangers:
            there = ", ".join(ids[:12])
            msg = f"tissue names clusters that are not there: {', '.join(strangers[:5])}; there are: {there}"
            raise InputError(msg)
        named = {str(key): value for key, value in tissue.items()}
    else:
        named = dict.fromkeys(ids, tissue) if tissue else {}
    vocabulary = _bundled.tissues()
    resolved = {text: vocabulary.resolve(text) for text in dict.fromkeys(named.values()) if text}
    for text, found in resolved.items():
        if not found:
            nearest = ", ".join(vocabulary.nearest(text))
            known = (
                f"the nearest known: {nearest}" if nearest else f"known are: {', '.join(sorted(vocabulary.canonical))}"
            )
            warn(f"tissue {text!r} is not known, so it is not used; {known}", UnknownTissueWarning)
    return {key: resolved.get(named.get(key, ""), ()) for key in ids}


def _gene_warnings(clusters: Sequence[ClusterMarkers], request: Request, marker_index: MarkerIndex) -> list[str]:
    """Say up front how many genes the database knows; raise where there is nothing to go by."""
    found = {g.name: g.symbol for c in clusters for g in c.genes}
    known = sum(1 for symbol in found.values() if symbol in marker_index.hits)
    names, ours = list(found), sorted(marker_index.hits)
    counts = f"{known} of the {len(found)} distinct marker genes are among the {len(ours)} genes of the database"
    examples = f"yours: {', '.join(names[:EXAMPLES])}; the database's: {', '.join(ours[:EXAMPLES])}"
    messages = []
    if found and not any(found.values()):
        msg = (
            f"{counts} ({examples}). None is a {marker_index.species} gene symbol; name the column of .var that holds "
            "symbols with gene_symbols="
        )
        raise NoOverlapError(msg)
    if found and known < MIN_KNOWN * len(found):
        messages.append(f"only {counts}; clusters may be Unknown for that reason ({examples})")
    if marker_index.species == "human" and genes.looks_like_mouse(names):
        messages.append("the gene names are written as mouse genes are, and species is human; is it mouse?")
    if marker_index.species == "mouse" and genes.looks_like_human(names):
        messages.append("the gene names are written as human genes are, and species is mouse; is it human?")
    for message in messages:
        warn(message, GeneNameWarning)
    return [*messages, *request.database.notes]


def _given(
    clusters: Sequence[ClusterMarkers],
    candidates: Mapping[str, Sequence[Candidate]],
    request: Request,
    marker_index: MarkerIndex,
) -> Optional[dict[str, Verdict]]:
    """The user's own labels, where those are to be validated."""
    if request.proposed is None:
        return None
    return {c.cluster_id: _users(c, candidates[c.cluster_id], request.proposed, marker_index) for c in clusters}


def _users(
    cluster: ClusterMarkers,
    candidates: Sequence[Candidate],
    proposed: Mapping[str, tuple[str, float]],
    marker_index: MarkerIndex,
) -> Verdict:
    label, share = proposed.get(cluster.cluster_id, ("", 0.0))
    term = marker_index.lineages.ontology.resolve(label) if label else None
    own = next((c for c in candidates if term is not None and c.ontology_id == term), None)
    score = likelihood.confidence(own, candidates, cluster, marker_index) if own else 0.0
    caveats = (f"{share:.0%} of the cluster's labeled cells have this label",) if label and share < 1 else ()
    return Verdict(cluster.cluster_id, label, term, score, "user", "The label was given.", caveats=caveats)


def _provenance(request: Request) -> Provenance:
    return Provenance(
        versions=_versions(),
        database_version=request.database.version,
        database_sha256=request.database.sha256,
        ontology_version=_bundled.ontology().version,
        model=", ".join(model.name for model in request.consultation.models) or None,
        prompt_version=prompt.PROMPT_VERSION if request.consultation.models else None,
        request_id=request.request_id,
        created_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    packages = ("anndata", "numpy", "pandas", "scanpy")
    return {
        "gca_scanpy": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }
