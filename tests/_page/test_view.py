"""What the page shows of a report."""

from __future__ import annotations

import hashlib
import re

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy import model
from gca_scanpy._judging.reasons import REASONS
from gca_scanpy._page.cells import anchor_of
from gca_scanpy._page.view import SHOWN, view_of_references
from gca_scanpy._page.view import view_of as view_in_color
from gca_scanpy._reporting.curation import Choice, decide
from gca_scanpy._reporting.references import LISTS, OWN, Reference
from gca_scanpy.db import _bundled


@pytest.fixture
def report(lineages):
    """Report with a supported, an unknown and a flagged cluster."""
    mixed = [gene for genes in lineages.values() for gene in genes[:5]]
    return gca.annotate_markers({"b": lineages["B cell"], "none": [], "mix": mixed}, tissue="blood")


def view_of(report, *cells):
    """The view, each label in one color."""
    return view_in_color(
        report, lambda label, term: "#010203", _bundled.receipts(report), _bundled.references(report), *cells
    )


def test_the_counts_are_those_of_the_report(report):
    """Statuses, confidences and reasons are counted as in the summary."""
    view = view_of(report)
    assert view.heading == view.title == "Cell types of 3 clusters"
    assert view.statuses == (("supported", "✓", 1), ("flagged", "!", 1), ("unknown", "?", 1))
    assert dict(view.confidences) == dict(report.metrics.confidence_counts)
    assert [name for name, _ in view.confidences] == ["High", "Medium", "Low"]
    assert {flag.code: flag.count for flag in view.flags} == {"mixed_lineage": 1, "no_markers_supplied": 1}
    assert view_of(evolve(report, summary=evolve(report.summary, total_clusters=1))).heading.endswith(" 1 cluster")


def test_what_curators_decided(report):
    """Each decision is shown, oldest first; the last one about the cluster stands, and its label is the curated one."""
    ontology = _bundled.ontology()
    for label in ("naive B cell", "pDC"):
        report = decide(report, [Choice("b", "changed", label, "IGHD")], "Ada", "2026-11-25T10:00:00+00:00", ontology)
    (first, _, first_stands), (last, term, last_stands) = view_of(report).clusters[0].decisions
    assert (first.to_label, first_stands, last.to_label, last_stands) == (
        "naive B cell", False, "plasmacytoid dendritic cell", True,
    )  # fmt: skip
    assert (last.kind, last.who, last.why, term.id) == ("changed", "Ada", "IGHD", "CL:0000784")
    assert [cluster.curated for cluster in view_of(report).clusters] == [last.to_label, "", ""]
    assert view_of(report).clusters[0].label == "B cell"


@given(first=st.text(), second=st.text())
@example(first="a b", second="a%20b")
@example(first="L" * 300, second="L" * 301)
@example(first="é", second="e\u0301")
@example(first="\ud83e", second="\ufffd")
@example(first="*" + hashlib.sha256(b"L" * 300).hexdigest()[:32], second="L" * 300)
def test_the_address_of_a_cluster(first, second):
    """Two ids never share an address, which is short and has no sign that an address cannot have."""
    one, two = anchor_of(first), anchor_of(second)
    assert (one == two) == (first == second)
    assert re.fullmatch(r"cluster-[\w.~%*-]{0,200}", one, re.ASCII)


def test_the_address_of_a_number():
    """The address of cluster 3 ends in its id, wherever it is in the report."""
    assert anchor_of("3") == "cluster-3"


def test_a_supported_cluster(report):
    """Label, term, confidence and genes are the report's; nothing is said of a proposed label that is the label."""
    cluster, view = report.cluster("b"), view_of(report).clusters[0]
    assert (view.id, view.label, view.proposed, view.status) == ("b", "B cell", "", "supported")
    assert view.term.url == "https://purl.obolibrary.org/obo/CL_0000236"
    assert view.percent == pytest.approx(100 * cluster.confidence_score, abs=0.05)
    assert tuple(gene.name for gene in view.supporting) == cluster.validation.supporting_markers
    weights = {item.gene: f"{item.contribution:+.1f}" for item in cluster.candidates[0].supporting}
    assert {gene.name: gene.note for gene in view.supporting if gene.note} == {
        gene: weights[gene] for gene in cluster.validation.supporting_markers if gene in weights
    }
    assert view.supporting[0].note
    assert [c.label for c in view.candidates] == [c.label for c in cluster.candidates]
    best = cluster.candidates[0].supporting[0]
    assert view.candidates[0].supporting[0].note == f"{best.contribution:+.1f}"
    assert dict(view.facts) == {"broad type": "B cell", "tissue": "blood", "proposed by": "offline scorer"}


def test_the_witnesses(report):
    """Each supporting gene of the label and of the candidates has its receipt; a report without witnesses has none."""
    key = report.cluster("b").annotation.ontology_id
    stated = {"MS4A1": model.Witnesses(key, ("asctb",)), "CD79A": model.Witnesses(key)}
    report = evolve(report, witnesses={key: stated})
    view = view_of(report)
    texts = {gene.name: gene.receipt.text for gene in view.clusters[0].supporting}
    assert {gene: texts[gene] for gene in stated} == {"MS4A1": "stated by ASCT+B", "CD79A": "no witness"}
    shown = view.clusters[0].candidates[0].supporting
    assert len(shown) <= 8
    assert {gene.receipt.grade for gene in shown if gene.name == "MS4A1"} == {"exact"}
    assert set(view.grades) == {"exact", "nearby", "none"}
    older = view_of(evolve(report, witnesses={}))
    assert {gene.receipt for gene in older.clusters[0].supporting} == {None}
    assert not older.grades


def test_a_flagged_cluster_shows_what_was_proposed(report):
    """Where the label did not stand, the proposed one, its term and the reason are there."""
    view = view_of(report).clusters[2]
    assert view.label == "Unknown or Novel"
    assert view.proposed == report.cluster("mix").annotation.proposed_label
    assert view.proposed_term.id == report.cluster("mix").annotation.proposed_ontology_id
    assert view.term is None
    assert [flag.code for flag in view.flags] == ["mixed_lineage"]
    assert view.remarks == report.cluster("mix").validation.notes


def test_a_code_is_not_said_twice(report):
    """A warning that is a reason code stands among the flags only; other warnings stay."""
    cluster = report.clusters[0]
    validation = evolve(cluster.validation, flag_reasons=("tissue_mismatch",))
    cluster = evolve(cluster, validation=validation, warnings=("tissue_mismatch", "few cells", "few cells"))
    view = view_of(evolve(report, clusters=(cluster,))).clusters[0]
    assert view.remarks == ("few cells",)
    assert view.flags[0].meaning == REASONS["tissue_mismatch"].meaning


@pytest.mark.parametrize("term", ["CL:12", "javascript:alert(1)", "CL:0000236\n", "CL:0000236/..", "UBERON:0000178"])
def test_only_a_term_of_the_ontology_is_a_link(report, term):
    """What is not an id of the Cell Ontology stays text."""
    cluster = report.clusters[0]
    cluster = evolve(cluster, annotation=evolve(cluster.annotation, ontology_id=term))
    view = view_of(evolve(report, clusters=(cluster,))).clusters[0]
    assert (view.term.id, view.term.url) == (term, None)


def test_a_panel_and_its_cost(report):
    """The answers of several models, and what they cost, are shown; no answer is an empty label."""
    answers = (model.ModelAnswer("m1", "B cell", "CL:0000236", 0.9), model.ModelAnswer("m2", "", None, 0.0))
    cluster = evolve(report.clusters[0], panel=model.Panel(answers, 0.5, 1.0), source="model")
    cost = evolve(report.telemetry, requests=1234, seconds={"a": 1.5, "b": 0.25})
    view = view_of(evolve(report, clusters=(cluster,), telemetry=cost))
    assert [(a.model, a.label) for a, _ in view.clusters[0].answers] == [("m1", "B cell"), ("m2", "")]
    assert view.clusters[0].agreement == "0.50"
    assert dict(view.costs) == {"requests": "1,234", "labels stopped": "1", "seconds": "1.75"}


def test_who_made_the_labels(report):
    """The page names whose answers were used: a model that was asked and did not answer made no label."""
    asked = evolve(report, provenance=evolve(report.provenance, model="any:model-1"))
    assert ("labels from", "the offline scorer") in view_of(asked).facts
    sources = ("model", "model", "offline")
    clusters = tuple(evolve(cluster, source=source) for cluster, source in zip(report.clusters, sources))
    made = dict(view_of(evolve(asked, clusters=clusters)).facts)["labels from"]
    assert made == "any:model-1 (2 clusters), the offline scorer (1 cluster)"
    given_labels = tuple(evolve(cluster, source="user") for cluster in report.clusters)
    assert ("labels from", "the given labels") in view_of(evolve(report, clusters=given_labels)).facts


def test_where_it_comes_from(report):
    """The page names database, ontology and versions, and what the labels were made by."""
    view = view_of(report)
    provenance = report.provenance
    assert {provenance.database_version, provenance.database_sha256, provenance.ontology_version} <= set(
        dict(view.provenance).values()
    )
    assert dict(view.provenance)["language model"] == "none"
    assert ("tissue", "blood") in view.facts
    assert ("labels from", "the offline scorer") in view.facts
    assert {("labels from", "the offline scorer"), ("created", provenance.created_at)} < set(view.origin)
    assert dict(view.parameters) == dict(report.parameters)


def test_a_probability_beyond_its_bounds_is_drawn_within(report):
    """A damaged score makes no bar that leaves its place."""
    cluster = evolve(report.clusters[0], confidence_score=7.0)
    assert view_of(evolve(report, clusters=(cluster,))).clusters[0].percent == 100


def test_the_colors_and_the_shares(report):
    """A cluster has the color of its label and of its broad type, and one of its own; clusters are counted."""

    def color(label, term):
        return {"B cell": "#0000BB", "Unknown or Novel": "#999999"}[label]

    view = view_in_color(report, color, _bundled.receipts(report), [])
    first, _, third = (cluster.colors for cluster in view.clusters)
    assert (first.label, first.broad) == ("#0000BB", "#0000BB")
    assert third.label == "#999999"
    assert len({cluster.colors.cluster for cluster in view.clusters}) == 3
    assert view.counted == "clusters"
    assert [(s.label, s.count, s.percent, s.color) for s in view.composition] == [
        ("Unknown or Novel", "2", 66.7, "#999999"),
        ("B cell", "1", 33.3, "#0000BB"),
    ]


def test_the_shares_of_many_types(report):
    """Cells are counted where all clusters have their number; beyond seven types the rest is one row."""
    cluster = report.clusters[0]
    many = tuple(evolve(cluster, broad_label=f"type {i:02}", n_cells=100 - i) for i in range(20))
    view = view_of(evolve(report, clusters=many))
    assert view.counted == "cells"
    assert [share.label for share in view.composition] == [*(f"type {i:02}" for i in range(7)), "13 other types"]
    assert sum(int(share.count.replace(",", "")) for share in view.composition) == sum(range(81, 101))
    assert sum(share.percent for share in view.composition) == pytest.approx(100, abs=0.5)


def test_why_there_are_no_cells(report):
    """Without an embedding there is no picture, and the reason is kept for the page."""
    view = view_of(report, None, "the labels were changed")
    assert (view.cells, view.unseen) == (None, "the labels were changed")


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


def test_the_path(report, with_path):
    """Each level has its probability and its link; the label and the finest guess are marked."""
    report = evolve(report, clusters=(with_path(report.clusters[0]), *report.clusters[1:]))
    first, none, mixed = view_of(report).clusters
    assert [(level.label, level.score, level.percent, level.roles) for level in first.path] == [
        ("lymphocyte", "0.93", 93.0, ()),
        ("B cell", "0.81", 81.0, ("label",)),
        ("mature B cell", "0.52", 52.0, ()),
        ("naive B cell", "0.47", 47.0, ("finest guess",)),
    ]
    assert first.path[0].term.url == "https://purl.obolibrary.org/obo/CL_0000542"
    assert first.finest == "naive B cell 0.47"
    assert (none.path, none.finest, mixed.finest) == ((), "", "")
    assert [level.label for level in mixed.path if "stopped label" in level.roles] == [mixed.proposed]


def test_a_label_that_is_the_finest_guess(report, with_path):
    """One level has both roles; the guess is not repeated in the table."""
    cluster = with_path(report.clusters[0])
    view = view_of(evolve(report, clusters=(evolve(cluster, path=cluster.path[:2]),))).clusters[0]
    assert [level.roles for level in view.path] == [(), ("label", "finest guess")]
    assert view.finest == ""
