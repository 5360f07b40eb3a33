"""Reports of every schema version, as the program of that day wrote them, are read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy import model

REPORTS = Path(__file__).parent / "reports"
VERSIONS = sorted(path.stem for path in REPORTS.glob("*.json"))


def test_every_version_has_a_report():
    """There is one for this version and for each before it, so that a new version cannot forget them."""
    major, minor = model.SCHEMA_VERSION.split(".")
    assert {f"{major}.{n}" for n in range(int(minor) + 1)} == set(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_all_that_was_written_is_read(version, tmp_path):
    """Each value of the file is in the report; what a later version added has its default; it can be written again."""
    written = json.loads((REPORTS / f"{version}.json").read_text(encoding="utf-8"))
    report = gca.io.read_report(REPORTS / f"{version}.json")
    assert report.schema_version == version
    gca.io.to_json(report, tmp_path / "again.json")
    assert _within(written, json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))) == []
    assert gca.io.read_report(tmp_path / "again.json") == report
    jsonschema.Draft202012Validator(gca.io.json_schema()).validate(written)


def test_the_report_of_this_version_is_written_as_it_was(tmp_path):
    """Read and written again, the file of this version has the same bytes."""
    path = REPORTS / f"{model.SCHEMA_VERSION}.json"
    gca.io.to_json(gca.io.read_report(path), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_report_goes_everywhere(version, everywhere, tmp_path):
    """Tables, plots, exports and page take it, with the clusters that it has."""
    report = gca.io.read_report(REPORTS / f"{version}.json")
    assert everywhere(report) == {}
    assert list(gca.get.clusters(report).index) == ["B cell", "mix", "none"]
    gca.io.to_csv(report, tmp_path / "c.csv")
    assert list(pd.read_csv(tmp_path / "c.csv")["cluster"]) == ["B cell", "mix", "none"]
    assert len(re.findall("<article ", gca.io.to_html(report))) == 3


def test_what_1_1_added():
    """Panel and struck markers are in the later report, and empty in the earlier one."""
    older, newer = (gca.io.read_report(REPORTS / f"{version}.json").clusters[0] for version in ("1.0", "1.1"))
    assert (older.panel, older.struck_markers, older.status) == (None, (), "supported")
    assert newer.panel is not None
    assert [answer.label for answer in newer.panel.answers] == ["B cell", "T cell"]
    assert newer.struck_markers == ("FOXP3",)


def test_what_1_5_added():
    """The later report has paths, genes of states, and the parts of its mixed cluster; the earlier one has none."""
    older, newer = (gca.io.read_report(REPORTS / f"{version}.json") for version in ("1.4", "1.5"))
    assert {cluster.mixture for cluster in older.clusters} == {None}
    mixture = newer.cluster("mix").mixture
    assert [(part.label, part.share) for part in mixture.parts] == [("B cell", 0.58), ("T cell", 0.37)]
    assert newer.cluster("B cell").mixture is None
    assert {cluster.path for cluster in older.clusters} == {()}
    assert {(cluster.fine_label, cluster.fine_probability) for cluster in older.clusters} == {("", None)}
    found = newer.cluster("B cell")
    assert [(level.label, level.probability) for level in found.path] == [("lymphocyte", 0.9), ("B cell", 0.8)]
    assert (found.fine_label, found.fine_probability) == ("B cell", 0.8)
    assert found.state_genes == {"proliferating": ("MKI67", "TOP2A", "CENPF")}
    assert {cluster.validation.separation for cluster in older.clusters} == {None}
    assert (found.validation.separation.n_measured, found.validation.separation.n_genes) == (5, 9)


def test_the_votes_that_1_6_added():
    """The later report has the votes behind a label; the earlier one has none."""
    older, newer = (gca.io.read_report(REPORTS / f"{version}.json") for version in ("1.5", "1.6"))
    assert {cluster.consensus for cluster in older.clusters} == {None}
    found = newer.cluster("B cell").consensus
    assert (found.label, found.agreement, [vote.key for vote in found.dissenters]) == (
        "B cell",
        0.6667,
        ["celltypist", "singler"],
    )
    assert [(vote.relation, vote.backing, vote.unread) for vote in found.votes] == [
        ("same", (1.0,), ()),
        ("finer", (1.0,), ("B-ish",)),
        ("other lineage", (0.0,), ()),
    ]


def _within(part, whole, path="$"):
    """The places where the second does not have what the first has."""
    if isinstance(part, dict):
        return [p for key in part for p in _within(part[key], whole.get(key, "missing"), f"{path}.{key}")]
    if isinstance(part, list):
        same = isinstance(whole, list) and len(part) == len(whole)
        pairs = enumerate(zip(part, whole)) if same else ()
        return [p for i, (a, b) in pairs for p in _within(a, b, f"{path}[{i}]")] if same else [path]
    return [] if part == whole and type(part) is type(whole) else [path]


def test_what_1_6_added():
    """The later report has what the samples say; the earlier one has no samples."""
    older, newer = (gca.io.read_report(REPORTS / f"{version}.json") for version in ("1.5", "1.6"))
    assert {cluster.samples for cluster in older.clusters} == {()}
    found = newer.cluster("B cell").samples
    assert [(one.sample, one.vote, one.label) for one in found] == [
        ("D1", "agrees", "B cell"), ("D2", "differs", "T cell"), ("D3", "too_few", "")
    ]  # fmt: skip
    assert found[1].common_label == "lymphocyte"
    assert {cluster.next_steps for cluster in older.clusters} == {()}
    steps = next(cluster.next_steps for cluster in newer.clusters if cluster.next_steps)
    assert [step.kind for step in steps] == ["genes", "tissue"]
    assert {(cluster.contrasts, cluster.asked_again) for cluster in older.clusters} == {((), ())}
    (again,) = newer.cluster("B cell").asked_again
    assert (again.first.label, again.second.label, again.reasons) == ("T cell", "", ("contradictory_markers",))
    assert newer.cluster("B cell").contrasts == (again.contrast,)
    assert (again.contrast.first.unmeasured, again.contrast.second.lacking) == (("CD19",), ("CD3E",))
