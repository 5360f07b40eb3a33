"""Every sentence of a methods paragraph is read again, and compared with the report, over many kinds of runs."""

from __future__ import annotations

import re
from collections import Counter

import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy._reporting.curation import standing

B, T = ["MS4A1", "CD79A", "CD79B", "BANK1"], ["CD3D", "CD3E", "TRAC", "CD2", "IL7R"]
LISTS = {"0": B, "1": T, "2": ["ZNF10"]}


def _count(report, name, value):
    return sum(getattr(cluster, name) == value for cluster in report.clusters)


def _software(report, found):
    assert int(found[1]) == len(report.clusters)
    assert (found[2] or "") == report.parameters.get("groupby", "")
    is_given = any(cluster.source == "user" and cluster.consensus is None for cluster in report.clusters)
    assert (found[3] == "checked") == is_given
    versions = report.provenance.versions
    assert found[4].split(" ")[0] == versions["gca_scanpy"]
    for name, version in re.findall(r"(scanpy|anndata) ([^\s)]+)", found[4].partition(" ")[2]):
        assert versions[name] == version


def _database(report, found):
    made = report.provenance
    assert (found[1], found[3]) == (made.database_version, made.ontology_version)
    assert made.database_sha256.startswith(found[2])


def _species(report, found):
    assert found[1] == report.provenance.species
    assert (found[2] or found[1]) == report.provenance.genes_of


def _tissue(report, found):
    tissues = report.provenance.tissues
    assert all(text in found[1] and all(name in found[1] for name in read) for text, read in tissues.items())
    assert tissues


def _parameter(*names):
    def same(report, found):
        assert found.groups() == tuple(report.parameters[name] for name in names)

    return same


def _labels(report, found):
    names = {"offline": "the offline scorer", "model": report.provenance.model, "user": "the given labels"}
    if any(cluster.consensus for cluster in report.clusters):
        names["user"] = "the consensus of the given labels"
    counts = Counter(cluster.source for cluster in report.clusters)
    for source, count in counts.items():
        assert names[source] in found[1]
        assert len(counts) == 1 or f"{names[source]} ({count} cluster" in found[1]


def _asked(report, found):
    cost = report.telemetry
    expected = (cost.requests, report.provenance.prompt_version, cost.cache_hits, cost.unanswered)
    assert (int(found[1]), found[2], int(found[3]), int(found[4])) == expected


def _not_asked(report, _):
    assert report.telemetry.requests == report.telemetry.cache_hits == 0
    assert report.provenance.model is None


def _counts(report, found):
    statuses = [_count(report, "status", name) for name in ("supported", "flagged", "unknown")]
    levels = [_count(report, "confidence", name) for name in ("High", "Medium", "Low")]
    assert [int(text) for text in found.groups()] == [len(report.clusters), *statuses, *levels]
    assert statuses[0] == report.summary.supported_clusters


def _curated(report, found):
    decisions = standing(report).values()
    kinds = Counter(decision.kind for decision in decisions)
    assert all(decision.who in found[1] for decision in decisions)
    assert int(found[2]) == len(decisions)
    assert {kind: int(n) for kind, n in re.findall(r"(\w+) for (\d+)", found[3])} == kinds


def _nothing_curated(report, _):
    assert not standing(report)


def _given(report, _):
    assert "groupby" not in report.parameters


def _voted(report, found):
    columns = [vote.key for vote in report.clusters[0].consensus.votes]
    assert re.findall(r"'(.+?)'", found[1]) == columns
    assert f"{{{found[2] or ''}}}" == report.parameters.get("weights", "{}")


def _agreed(report, found):
    votes = [cluster.consensus for cluster in report.clusters]
    expected = (bool(one.label) for one in votes), (bool(one.dissenters) for one in votes)
    assert [int(text) for text in found.groups()] == [*map(sum, expected), sum(one.by_markers for one in votes)]


def _without_genes(report, _):
    assert "method" not in report.parameters
    assert all(not cluster.candidates for cluster in report.clusters)


def _sampled(report, found):
    votes = [[one.vote for one in cluster.samples if one.vote in ("agrees", "differs")] for cluster in report.clusters]
    assert int(found[1]) == len({one.sample for cluster in report.clusters for one in cluster.samples})
    assert (found[2], int(found[4])) == (report.parameters["sample_key"], len(report.clusters))
    assert int(found[3]) == sum(set(those) == {"agrees"} for those in votes)
    assert int(found[5]) == sum("differs" in those for those in votes)


def _repeated(report, found):
    again = [(cluster, one) for cluster in report.clusters for one in cluster.asked_again]
    shown, answered = sum(one.contrast is not None for _, one in again), sum(one.second.label != "" for _, one in again)
    assert [int(found[n]) for n in (1, 2, 3)] == [len(again), shown, answered]
    assert int(found[4]) == sum(
        cluster.status == "supported" and bool(cluster.asked_again) for cluster in report.clusters
    )


SENTENCES = {
    r"(\d+) clusters?(?: in '(.+?)')? (?:was|were) (labeled|checked) with gca-scanpy (.+)": _software,
    r"The marker database was (.+) \(sha256 (\w+)\), and the Cell Ontology was release (.+)": _database,
    r"The species was (\w+)(?:, with the genes of (\w+))?": _species,
    r"The tissue was (.+)": _tissue,
    r"No tissue was given": lambda report, _: None if not report.provenance.tissues else pytest.fail("there is one"),
    r"The marker genes of each cluster were given": _given,
    r"The genes were ranked by (.+), and at most (\d+) of each cluster were used": _parameter("method", "n_markers"),
    r"The least number of genes known for a label was (\d+)": _parameter("min_support"),
    r"The offline scorer's labels were as fine as a probability of (\S+) permitted": _parameter("certainty"),
    r"The labels of (.+) were joined by the ontology, with (?:equal weights|the weights (.+))": _voted,
    r"A label needed an agreement of (\S+)": _parameter("min_agreement"),
    r"The votes agreed on a label for (\d+) clusters?, at least one column dissented for (\d+), and the marker genes "
    r"decided between split votes for (\d+)": _agreed,
    r"No marker genes were used": _without_genes,
    r"Each cluster was also judged in each of (\d+) samples? in '(.+)': all samples that had a vote agreed with the "
    r"label of (\d+) of (\d+) clusters?, and at least one differed for (\d+)": _sampled,
    r"The samples in '(.+)' were clustered apart, and the same kind of cell got one name if a share of at least (\S+) "
    r"of its samples supported it": _parameter("within", "agreement"),
    r"(\d+) stopped labels? (?:was|were) put back to the models, (\d+) with the genes that separate it from a rival; "
    r"(\d+) got a second answer, and (\d+) of these clusters had a supported label in the end": _repeated,
    r"The labels came from (.+)": _labels,
    r"No language model was asked": _not_asked,
    r"(\d+) requests? to language models (?:was|were) sent(?: \(prompt version (.+?)\))?, (\d+) answers? came from the "
    r"cache, and (\d+) clusters? got no answer": _asked,
    r"Of (\d+) clusters?, (\d+) \w+ supported, (\d+) \w+ flagged and (\d+) \w+ unknown; the confidence was High for "
    r"(\d+), Medium for (\d+) and Low for (\d+)": _counts,
    r"No label was curated": _nothing_curated,
    r"(.+) decided on (\d+) clusters?: (.+)": _curated,
}


def _curate(report, cells):
    gca.tl.annotate(cells, "cluster", tissue="blood")
    gca.tl.curate(cells, {"0": "naive B cell"}, accept=["1"], mixed={"2": "two types"}, who="Ada Lovelace")
    return gca.get.report(cells)


def _annotated(cells, **options):
    gca.tl.annotate(cells, "cluster", **options)
    return gca.get.report(cells)


def _validated(cells):
    gca.tl.validate(cells, "cluster", "planted", tissue="blood")
    return gca.get.report(cells)


def _voting(cells, groupby, **options):
    cells.obs["other"] = cells.obs["planted"].cat.rename_categories({"B cell": "memory B cell"})
    gca.tl.consensus(cells, ["planted", "other"], groupby, **options)
    return gca.get.report(cells, "consensus")


def _in_samples(cells):
    cells.obs["donor"] = ["x", "y", "z"] * (cells.n_obs // 3) + ["x"] * (cells.n_obs % 3)
    return cells


def _harmonized(cells):
    gca.tl.harmonize(_in_samples(cells), "cluster", "donor", tissue="blood")
    return gca.get.report(cells)


def _table(_):
    rows = [(cluster, gene) for cluster, genes in LISTS.items() for gene in genes]
    return gca.annotate_markers(pd.DataFrame(rows, columns=["cluster", "gene"]), tissue=["blood", "spleen"])


RUNS = {
    "lists": lambda cells: gca.annotate_markers(LISTS),
    "table and two tissues": _table,
    "another name of a tissue": lambda cells: gca.annotate_markers(LISTS, tissue="PBMC"),
    "mouse": lambda cells: gca.annotate_markers({"0": ["Ms4a1", "Cd79a", "Cd79b"]}, species="mouse", tissue="spleen"),
    "rat": lambda cells: gca.annotate_markers({"0": ["Ms4a1", "Cd79a", "Cd79b"]}, species="rat"),
    "cells": lambda cells: _annotated(cells, tissue="blood"),
    "other thresholds": lambda cells: _annotated(cells, certainty=0.9, n_markers=7, method="wilcoxon"),
    "validated": _validated,
    "consensus": lambda cells: _voting(cells, "cluster", weights={"planted": 2, "other": 0.5}, min_agreement=0.7),
    "consensus of each cell": lambda cells: _voting(cells, None),
    "samples": lambda cells: _annotated(_in_samples(cells), sample_key="donor", tissue="blood"),
    "samples apart": _harmonized,
    "curated": lambda cells: _curate(None, cells),
    "own table": lambda cells: gca.annotate_markers({"0": ["MS4A1"]}, marker_db=pd.DataFrame(
        [("A", "MS4A1"), ("A", "CD79A")], columns=["cell_type", "gene"])),
}  # fmt: skip


def check(report):
    """Read each sentence of a report's paragraph and compare it with the report; give the number of sentences."""
    sentences = re.split(r"(?<=\.) (?=[A-Z0-9])", gca.get.methods(report))
    for sentence in sentences:
        matches = [(known, re.fullmatch(rf"{pattern}\.", sentence)) for pattern, known in SENTENCES.items()]
        ((known, found),) = [(known, found) for known, found in matches if found]
        known(report, found)
    return len(sentences)


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.filterwarnings("ignore")
def test_every_sentence_is_true(name, cells):
    """Each sentence is one that the test can read, and its numbers and names are those of the report."""
    assert check(RUNS[name](cells)) >= 8


def test_what_a_model_was_asked(fake_model):
    """The requests, the answers from the cache and the clusters without an answer."""
    model = fake_model()
    first = gca.annotate_markers(LISTS, model=model, tissue="blood")
    second = gca.annotate_markers(LISTS, model=model, tissue="blood")
    assert check(first) == check(second)
    assert "1 request to language models was sent" in gca.get.methods(first)
    assert "0 requests to language models were sent" in gca.get.methods(second)


def test_what_a_model_was_asked_again(fake_model):
    """How many stopped labels were put back, how many were answered, and what came of it."""
    report = gca.annotate_markers(
        LISTS, model=gca.Asking(fake_model(label="T cell"), ask_again=True, cache=False), tissue="blood"
    )
    assert check(report) >= 8
    assert "2 stopped labels were put back to the models, 1 with the genes" in gca.get.methods(report)


def test_references_follow():
    """They are those of get.references, as BibTeX."""
    report = gca.annotate_markers(LISTS, tissue="blood")
    text = gca.get.methods(report, references=True)
    assert text == f"{gca.get.methods(report)}\n\n{gca.get.references(report, format='bibtex')}"
