"""Decisions of curators: what stands, what is refused, and what two curators do to each other."""

from __future__ import annotations

import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy._reporting import curation
from gca_scanpy._reporting.curation import Choice, decide, history, joined, label_of, standing
from gca_scanpy.db import _bundled
from gca_scanpy.errors import ConflictError, InputError
from gca_scanpy.model import SCHEMA_VERSION

WHEN = "2026-11-25T15:00:00+00:00"


@pytest.fixture(scope="module")
def report():
    """Two clusters: B cells, and one of which nothing is known."""
    return gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"], "1": []}, tissue="blood")


def _decided(report, *choices, who="Ada", when=WHEN):
    return decide(report, choices, who, when, _bundled.ontology())


def test_accept_change_mixed_reopen(report):
    """Each kind says from what to what; the last one stands; the run's own part of the report is the same."""
    after = _decided(report, Choice("0", "accepted", why="MS4A1"))
    assert label_of(after, "0") == ("B cell", "CL:0000236")
    after = _decided(after, Choice("0", "changed", "pDC"), Choice("1", "mixed", why="T and B cells"), who="Grace")
    assert label_of(after, "0") == ("plasmacytoid dendritic cell", "CL:0000784")
    assert label_of(after, "1") == ("Mixed", None)
    after = _decided(after, Choice("0", "reopened"))
    assert label_of(after, "0") == ("B cell", "CL:0000236")
    assert set(standing(after)) == {"1"}
    kinds = [(d.kind, d.from_label, d.to_label, d.who) for d in history(after, "0")]
    assert kinds == [
        ("accepted", "B cell", "B cell", "Ada"),
        ("changed", "B cell", "plasmacytoid dendritic cell", "Grace"),
        ("reopened", "plasmacytoid dendritic cell", "B cell", "Ada"),
    ]
    assert after.audit[0].when == WHEN
    assert evolve(after, audit=()) == report


def test_the_same_said_again_is_no_entry(report):
    """A notebook that runs twice decides once; another curator or another reason is an entry."""
    once = _decided(report, Choice("0", "changed", "pDC"), Choice("1", "mixed", why="T and B"))
    again = _decided(once, Choice("0", "changed", "plasmacytoid dendritic cells"), Choice("1", "mixed", why="T and B"))
    assert again is once
    assert _decided(once, Choice("0", "accepted"), Choice("1", "accepted")) is once
    assert len(_decided(once, Choice("0", "accepted"), who="Grace").audit) == 3
    assert len(_decided(once, Choice("0", "accepted", why="GZMB")).audit) == 3
    assert _decided(report, Choice("0", "reopened")) is report


def test_who_agrees_with_mixed_keeps_the_note(report):
    """A second curator's consent to "mixed" is a decision of the kind, with the types that the first one named."""
    after = _decided(report, Choice("1", "mixed", why="T and B"))
    last = _decided(after, Choice("1", "accepted"), who="Grace").audit[-1]
    assert (last.kind, last.to_label, last.why, last.who) == ("mixed", "Mixed", "T and B", "Grace")


def test_a_name_that_is_there_already_is_no_change(report):
    """Typing the label that stands accepts it."""
    assert _decided(report, Choice("0", "changed", "B cells")).audit[0].kind == "accepted"


@pytest.mark.parametrize(
    ("choice", "who", "message"),
    [
        (Choice("9", "accepted"), "Ada", r"no cluster '9'; there are: '0', '1'"),
        (Choice("0", "changed", " "), "Ada", "label is empty"),
        (Choice("0", "mixed", why=" \n"), "Ada", "say which types"),
        (Choice("0", "accepted"), "\x00 ", "who is empty"),
    ],
)
def test_what_is_refused(report, choice, who, message):
    """The message says what to do."""
    with pytest.raises(InputError, match=message):
        _decided(report, choice, who=who)


def test_a_report_of_an_older_schema_becomes_one_of_this(report):
    """The audit trail is new in 1.2, so a report that has one says so."""
    old = evolve(report, schema_version="1.1")
    assert _decided(old, Choice("0", "accepted")).schema_version == SCHEMA_VERSION
    assert _decided(old, Choice("0", "reopened")).schema_version == "1.1"


def test_two_curators_at_once(report):
    """Decisions about other clusters are joined; about the same one, the second is told who was first."""
    theirs = _decided(report, Choice("1", "changed", "T cell"), who="Grace")
    assert joined(report, theirs, [Choice("0", "accepted")]) is theirs
    assert joined(theirs, theirs, [Choice("1", "accepted")]) is theirs
    with pytest.raises(ConflictError, match="Grace decided on cluster '1' meanwhile: changed, 'Unknown or Novel' to"):
        joined(report, theirs, [Choice("1", "accepted")])


def test_another_file_in_its_place(report):
    """Decisions about what is no longer there are not written over what is."""
    theirs = _decided(report, Choice("1", "changed", "T cell"))
    again = gca.annotate_markers({"0": ["CD3D", "CD3E", "TRAC"], "1": []})
    for now in (again, report):  # annotated again; replaced by an older copy
        with pytest.raises(ConflictError, match="annotated again or replaced"):
            joined(theirs, now, [Choice("0", "accepted")])


def test_carried_over(report):
    """The trail goes on in the next run's report; what is decided about other cells than now is open."""
    earlier = _decided(report, Choice("0", "changed", "pDC"), Choice("1", "changed", "T cell"))
    new, opened = curation.carry_over(earlier, report, {"0"})
    assert opened == ("1",)
    assert new.audit[:2] == earlier.audit
    assert (new.audit[2].kind, new.audit[2].from_label, new.audit[2].who) == ("reopened", "T cell", "gca_scanpy")
    assert label_of(new, "0")[0] == "plasmacytoid dendritic cell"
    assert label_of(new, "1")[0] == "Unknown or Novel"
    gone, opened = curation.carry_over(earlier, evolve(report, clusters=report.clusters[:1]), {"0"})
    assert (opened, gone.audit[2].cluster_id, gone.audit[2].to_label) == (("1",), "1", "")
