"""Verdicts and judgments to the report."""

from types import SimpleNamespace

import pytest

from gca_scanpy import _steps, model
from gca_scanpy._judging.judge import Judgment
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._reporting import report
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.path import Strength
from gca_scanpy.db import _bundled

B_CELL, NAIVE = "CL:0000236", "CL:0000788"


def build(
    status="supported",
    reasons=(),
    *,
    force_unknown=True,
    genes=("MS4A1",),
    rival=0.0,
    state_genes=None,
    **verdict,
):
    """Make the report of one cluster."""
    given = {"label": "naive B cell", "ontology_id": NAIVE, "confidence_score": 0.99, "source": "offline", **verdict}
    validation = model.Validation(status == "supported", (), (), {}, False, (), 0, tuple(reasons))
    genes = tuple(_steps.RankedGene(gene, gene) for gene in genes)
    cluster = _steps.ClusterMarkers("7_0", genes, n_cells=12, tissue="blood", warnings=("few cells",))
    candidates = tuple(model.Candidate(f"type {i}", None, 9.0 - i, 0.1) for i in range(8))
    index = SimpleNamespace(lineages=_bundled.lineages(), types={})
    levels = SimpleNamespace(path=lambda key: (model.Level("of the case", key, 0.5),))
    strength = Strength(20.0, 8.0, 20.0, rival)
    case = SimpleNamespace(
        markers=cluster,
        candidates=candidates,
        tissues=(),
        index=index,
        levels=levels,
        strength=strength,
        state_genes=state_genes or {},
    )
    judgment = Judgment(validation, status, _steps.Verdict("7_0", **given))
    return report.cluster_report(case, judgment, force_unknown=force_unknown)


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (0.0, "Low"),
        (numbers.NUMBERS.medium - 0.0001, "Low"),
        (numbers.NUMBERS.medium, "Medium"),
        (numbers.NUMBERS.high - 0.0001, "Medium"),
        (numbers.NUMBERS.high, "High"),
        (1.0, "High"),
    ],
)
def test_levels(score, level):
    """The level follows the score, and a score at the limit has the higher level."""
    assert report.level(score) == level


def test_a_supported_label_stands():
    """A supported label comes with its term, its broad type, its evidence and what is known of the cluster."""
    found = build()
    assert (found.cluster_id, found.status, found.source) == ("7_0", "supported", "offline")
    assert (found.annotation.primary_label, found.annotation.ontology_id) == ("naive B cell", NAIVE)
    assert (found.broad_label, found.broad_ontology_id) == ("B cell", B_CELL)
    assert (found.confidence, found.confidence_score) == ("High", 0.99)
    assert (found.n_cells, found.tissue, found.warnings) == (12, "blood", ("few cells",))
    assert [c.label for c in found.candidates] == [f"type {i}" for i in range(5)]


@pytest.mark.parametrize("status", ["flagged", "unknown"])
def test_an_unsupported_label_becomes_unknown(status):
    """A label that the guardrails stop is shown as proposed only, with neither term nor better than low confidence."""
    found = build(status, ["contradictory_markers"])
    assert found.annotation.primary_label == found.broad_label == UNKNOWN_LABEL
    assert (found.annotation.proposed_label, found.annotation.proposed_ontology_id) == ("naive B cell", NAIVE)
    assert found.annotation.ontology_id is None
    assert found.broad_ontology_id is None
    assert (found.status, found.confidence) == (status, "Low")
    assert found.confidence_score < numbers.NUMBERS.medium
    assert found.annotation.confidence == "High"


def test_force_unknown_can_be_turned_off():
    """With ``force_unknown=False`` a flagged label stays, flagged and with low confidence."""
    found = build("flagged", ["mixed_lineage"], force_unknown=False)
    assert (found.annotation.primary_label, found.annotation.ontology_id) == ("naive B cell", NAIVE)
    assert (found.status, found.confidence) == ("flagged", "Low")


def test_a_contradicted_id_is_not_reported_as_the_term():
    """An id that is another cell type's goes nowhere but among the proposals."""
    found = build("flagged", ["ontology_mismatch"], force_unknown=False)
    assert found.annotation.ontology_id is None
    assert found.annotation.proposed_ontology_id == NAIVE
    assert found.broad_label == "naive B cell"


def test_advice_caps_the_confidence():
    """A label that stands with advice against it is at most Medium, and the advice is among the warnings."""
    found = build("supported", ["tissue_mismatch"])
    assert (found.annotation.primary_label, found.confidence) == ("naive B cell", "Medium")
    assert found.warnings == ("few cells", "tissue_mismatch")
    assert build("supported", ["tissue_mismatch"], confidence_score=0.2).confidence_score == 0.2


@pytest.mark.parametrize("over", [-0.01, 0.0, 0.01])
def test_another_lineage_caps_the_confidence(over):
    """If the evidence for another lineage is more than a limit, the confidence is at most Medium."""
    found = build(rival=numbers.NUMBERS.max_rival_of_high + over)
    assert (found.status, found.confidence) == ("supported", "Medium" if over > 0 else "High")
    assert found.confidence_score == (round(numbers.NUMBERS.high - 0.01, 4) if over > 0 else 0.99)


PATH = (
    model.Level("lymphocyte", "CL:0000542", 0.99),
    model.Level("B cell", B_CELL, 0.9),
    model.Level("naive B cell", NAIVE, 0.4),
)


def test_the_path_of_the_scorer():
    """The label is one level of the path; the finest is what was proposed."""
    found = build(label="B cell", ontology_id=B_CELL, confidence_score=0.9, path=PATH)
    assert found.path == PATH
    assert (found.fine_label, found.fine_probability) == ("naive B cell", 0.4)
    assert (found.annotation.primary_label, found.annotation.ontology_id) == ("B cell", B_CELL)
    assert (found.annotation.proposed_label, found.annotation.proposed_ontology_id) == ("naive B cell", NAIVE)
    assert found.judged == ("B cell", B_CELL)
    assert found.stopped_label == ""


@pytest.mark.parametrize("status", ["flagged", "unknown"])
def test_a_stopped_label_beside_the_proposed_one(status):
    """If the label was stopped, the finest guess is still what was proposed; the report keeps which one was stopped."""
    found = build(status, ["mixed_lineage"], label="B cell", ontology_id=B_CELL, path=PATH)
    assert (found.annotation.proposed_label, found.annotation.proposed_ontology_id) == ("naive B cell", NAIVE)
    assert found.judged == ("B cell", B_CELL)
    assert found.stopped_label == "B cell"
    assert found.path == PATH
    kept = build(status, ["mixed_lineage"], force_unknown=False, label="B cell", ontology_id=B_CELL, path=PATH)
    assert (kept.annotation.primary_label, kept.stopped_label) == ("B cell", "")


def test_the_path_of_a_given_label():
    """A label that was given has the levels of the case through its term; a name that nobody knows has none."""
    assert build(source="user").path == (model.Level("of the case", NAIVE, 0.5),)
    found = build(label="my blob", ontology_id=None, source="user")
    assert (found.path, found.fine_label, found.fine_probability) == ((), "", None)


def test_the_term_of_a_label_without_id():
    """A label without an id gets the term of its name."""
    assert build(label="B cells", ontology_id=None).annotation.ontology_id == B_CELL


def test_a_label_outside_the_ontology():
    """A name that the ontology does not know is its own broad type."""
    found = build(label="my blob", ontology_id=None)
    assert (found.annotation.primary_label, found.broad_label) == ("my blob", "my blob")
    assert found.annotation.ontology_id is None


def test_no_label():
    """A cluster for which no label came is unknown, not blank."""
    found = build("flagged", ["validation_missing"], label="", ontology_id=None, force_unknown=False)
    assert found.annotation.primary_label == found.annotation.proposed_label == UNKNOWN_LABEL


def test_states_stand_beside_the_label():
    """The states of the case are in the report, each with its genes, and do not change the label."""
    cycling = {"proliferating": ("MKI67", "TOP2A", "CENPF"), "malignant?": ("PRAME", "CSAG1")}
    found = build(state_genes=cycling)
    assert (found.states, found.state_genes) == (("proliferating", "malignant?"), cycling)
    assert found.annotation == build().annotation


PROVENANCE = model.Provenance({}, "1", "0" * 64, "2026", None, None, "run", "2026-01-01T00:00:00+00:00")


def dataset(*clusters):
    """Make the report of a run."""
    return report.dataset_report(clusters, {"groupby": "leiden"}, PROVENANCE, model.Telemetry(clusters=3), ["said"], {})


def test_counts_and_shares():
    """Summary and metrics count the clusters by status, reason and confidence."""
    found = dataset(
        build(),
        build("flagged", ["mixed_lineage", "ontology_mismatch"]),
        build("unknown", ["low_marker_overlap", "mixed_lineage"]),
    )
    assert found.summary == model.Summary(3, 1, 1, ("7_0",))
    assert found.metrics == model.Metrics(
        support_rate=0.3333,
        flagged_rate=0.3333,
        unknown_rate=0.3333,
        flagged_reasons={"low_marker_overlap": 1, "mixed_lineage": 2, "ontology_mismatch": 1},
        confidence_counts={"Low": 2, "Medium": 0, "High": 1},
    )
    assert list(found.metrics.flagged_reasons) == sorted(found.metrics.flagged_reasons)
    assert (found.parameters, found.warnings) == ({"groupby": "leiden"}, ("said",))
    assert (found.schema_version, found.provenance, found.telemetry.clusters) == (model.SCHEMA_VERSION, PROVENANCE, 3)


def test_a_run_without_clusters():
    """No cluster is a report of nothing, without a division by zero."""
    found = dataset()
    assert found.summary == model.Summary(0, 0, 0, ())
    assert found.metrics == model.Metrics(0.0, 0.0, 0.0, {}, {"Low": 0, "Medium": 0, "High": 0})
