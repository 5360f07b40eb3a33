"""The methods paragraph of a report: sentences that say what was done, each true to the report."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gca_scanpy._reporting.curation import standing
from gca_scanpy._reporting.report import makers
from gca_scanpy.model import CONFIDENCE_LEVELS, DatasetReport

DIGITS = 12  # of a sha256
PACKAGES = ("scanpy", "anndata")


def paragraph(report: DatasetReport) -> str:
    """The paragraph, in which what the report does not have is left out."""
    parts = (_software, _genes, _thresholds, _votes, _samples, _labels, _counts, _curation)
    return " ".join(sentence for part in parts for sentence in part(report))


def _software(report: DatasetReport) -> Iterator[str]:
    made, groupby = report.provenance, report.parameters.get("groupby", "")
    versions = made.versions
    others = [f"{name} {versions[name]}" for name in PACKAGES if versions.get(name)]
    release = " ".join(["gca-scanpy", *filter(None, [versions.get("gca_scanpy")])])
    what = f"{_counted(len(report.clusters), 'cluster')}{f' in {groupby!r}' if groupby else ''}"
    verb = "was" if len(report.clusters) == 1 else "were"
    given = any(cluster.source == "user" and not cluster.consensus for cluster in report.clusters)
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
    weights = _weights(report.parameters.get("weights", ""))
    columns = [f"{key!r}{f' (weight {weights[key]:g})' if key in weights else ''}" for key in keys]
    equal = "" if weights else ", with equal weights"
    yield f"The labels of {_counted(len(columns), 'column')} were joined by the ontology{equal}: {_joined(columns)}."
    if "min_agreement" in report.parameters:
        yield f"A label needed an agreement of {report.parameters['min_agreement']}."
    agreed, disputed = sum(bool(one.label) for one in joined), sum(bool(one.dissenters) for one in joined)
    by_markers = sum(one.by_markers for one in joined)
    yield (
        f"The votes agreed on a label for {_counted(agreed, 'cluster')}, at least one column dissented for {disputed}, "
        f"and the marker genes decided between split votes for {by_markers}."
    )


def _weights(text: str) -> Mapping[str, float]:
    """The weights of the columns, as the parameters of a run have them; empty if they are equal."""
    try:
        found = ast.literal_eval(text)
        return {str(key): float(weight) for key, weight in found.items()}
    except (SyntaxError, ValueError, TypeError, AttributeError, MemoryError, RecursionError):
        return {}


def _samples(report: DatasetReport) -> Iterator[str]:
    parameters, said = report.parameters, [{one.vote for one in cluster.samples} for cluster in report.clusters]
    samples = {one.sample for cluster in report.clusters for one in cluster.samples}
    if samples:
        differ = sum("differs" in votes for votes in said)
        agree = sum("agrees" in votes for votes in said) - sum({"agrees", "differs"} <= votes for votes in said)
        yield (
            f"Each cluster was also judged in each of {_counted(len(samples), 'sample')} in "
            f"{parameters.get('sample_key', '')!r}: all samples that had a vote agreed with the label of {agree} of "
            f"{_counted(len(said), 'cluster')}, and at least one differed for {differ}."
        )
    if "within" in parameters and "agreement" in parameters:
        yield (
            f"The samples in {parameters['within']!r} were clustered apart, and the same kind of cell got one name if "
            f"a share of at least {parameters['agreement']} of its samples supported it."
        )


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
    again = [(cluster, one) for cluster in report.clusters for one in cluster.asked_again]
    if again:
        answers = sum(bool(one.second.label) for _, one in again)
        shown = sum(one.contrast is not None for _, one in again)
        kept = len({cluster.cluster_id for cluster, _ in again if cluster.status == "supported"})
        yield (
            f"{_counted(len(again), 'stopped label')} {'was' if len(again) == 1 else 'were'} put back to the models, "
            f"{shown} with the genes that separate it from a rival; {answers} got a second answer, and {kept} of these "
            "clusters had a supported label in the end."
        )


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
