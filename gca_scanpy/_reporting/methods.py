"""A methods paragraph from a report: each sentence says what the report has, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from gca_scanpy._reporting.curation import standing
from gca_scanpy._reporting.report import makers
from gca_scanpy.model import CONFIDENCE_LEVELS, DatasetReport

DIGITS = 12  # of a sha256
PACKAGES = ("scanpy", "anndata")


def paragraph(report: DatasetReport) -> str:
    """The paragraph, in which what the report does not have is left out."""
    sentences = (*_software(report), *_genes(report), *_thresholds(report), *_labels(report), *_counts(report))
    return " ".join([*sentences, *_curation(report)])


def _software(report: DatasetReport) -> Iterator[str]:
    made, groupby = report.provenance, report.parameters.get("groupby", "")
    versions = made.versions
    others = [f"{name} {versions[name]}" for name in PACKAGES if versions.get(name)]
    release = " ".join(["gca-scanpy", *filter(None, [versions.get("gca_scanpy")])])
    what = f"{_counted(len(report.clusters), 'cluster')}{f' in {groupby!r}' if groupby else ''}"
    verb = "was" if len(report.clusters) == 1 else "were"
    given = any(cluster.source == "user" for cluster in report.clusters)
    done = "checked" if given else "labeled"
    yield f"{what} {verb} {done} with {release}{f' ({_joined(others)})' if others else ''}."
    yield (
        f"The marker database was {made.database_version} (sha256 {made.database_sha256[:DIGITS]}), and the Cell "
        f"Ontology was release {made.ontology_version}."
    )


def _genes(report: DatasetReport) -> Iterator[str]:
    made, parameters = report.provenance, report.parameters
    if made.species:
        genes = f", with the genes of {made.genes_of}" if made.genes_of not in ("", made.species) else ""
        yield f"The species was {made.species}{genes}."
    tissues = [
        text if (text,) == read else f"{text!r} (read as {_joined(read)})" for text, read in made.tissues.items()
    ]
    yield f"The tissue was {_joined(tissues)}." if tissues else "No tissue was given."
    if "groupby" not in parameters:
        yield "The marker genes of each cluster were given."
    elif "method" in parameters:
        most = f", and at most {parameters['n_markers']} of each cluster were used" if "n_markers" in parameters else ""
        yield f"The genes were ranked by {parameters['method']}{most}."


def _thresholds(report: DatasetReport) -> Iterator[str]:
    parameters = report.parameters
    if "min_support" in parameters:
        yield f"The least number of genes known for a label was {parameters['min_support']}."
    if "certainty" in parameters and any(cluster.source == "offline" for cluster in report.clusters):
        yield f"The offline scorer's labels were as fine as a probability of {parameters['certainty']} permitted."


def _labels(report: DatasetReport) -> Iterator[str]:
    cost, model = report.telemetry, report.provenance.model
    if report.clusters:
        yield f"The labels came from {makers(report)}."
    if model is None and not cost.requests and not cost.cache_hits:
        yield "No language model was asked."
        return
    prompt = report.provenance.prompt_version
    asked = f"{_counted(cost.requests, 'request')} to language models {'was' if cost.requests == 1 else 'were'} sent"
    cached = f"{_counted(cost.cache_hits, 'answer')} came from the cache"
    version = f" (prompt version {prompt})" if prompt else ""
    yield f"{asked}{version}, {cached}, and {_counted(cost.unanswered, 'cluster')} got no answer."


def _counts(report: DatasetReport) -> Iterator[str]:
    status, levels = (Counter(getattr(c, name) for c in report.clusters) for name in ("status", "confidence"))
    parts = [f"{status[name]} {'was' if status[name] == 1 else 'were'} {name}" for name in ("supported", "flagged")]
    unknown = f"{status['unknown']} {'was' if status['unknown'] == 1 else 'were'} unknown"
    by_level = _joined([f"{name} for {levels[name]}" for name in reversed(CONFIDENCE_LEVELS)])
    clusters = _counted(len(report.clusters), "cluster")
    yield f"Of {clusters}, {', '.join(parts)} and {unknown}; the confidence was {by_level}."


def _curation(report: DatasetReport) -> Iterator[str]:
    decisions = list(standing(report).values())
    if not decisions:
        yield "No label was curated."
        return
    kinds = Counter(decision.kind for decision in decisions)
    parts = [f"{kind} for {kinds[kind]}" for kind in ("accepted", "changed", "mixed") if kinds[kind]]
    people = sorted({decision.who for decision in decisions})
    yield f"{_joined(people)} decided on {_counted(len(decisions), 'cluster')}: {_joined(parts)}."


def _counted(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def _joined(texts: Sequence[str]) -> str:
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last
