"""Every sentence of a methods paragraph is read again, and compared with the report, over ten kinds of runs."""

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
    assert (found[3] == "checked") == any(cluster.source == "user" for cluster in report.clusters)
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


def test_references_follow():
    """They are those of get.references, as BibTeX."""
    report = gca.annotate_markers(LISTS, tissue="blood")
    text = gca.get.methods(report, references=True)
    assert text == f"{gca.get.methods(report)}\n\n{gca.get.references(report, format='bibtex')}"
