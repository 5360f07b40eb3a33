"""Reports as JSON files."""

from __future__ import annotations

import json

import jsonschema
import pytest

import gca_scanpy as gca
from gca_scanpy import _codec
from gca_scanpy.errors import MissingKeyError, ReportError


def test_a_file_reads_back_equal(report, tmp_path):
    """What is written reads back equal, and no other file is left."""
    path = tmp_path / "report.json"
    gca.io.to_json(report, path)
    gca.io.to_json(report, str(path))
    assert gca.io.read_report(path) == report
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_the_report_of_an_annotated_object(cells, tmp_path):
    """to_json takes an annotated object with its key."""
    gca.tl.annotate(cells, "cluster", key_added="mine")
    gca.io.to_json(cells, tmp_path / "r.json", key="mine")
    assert gca.io.read_report(tmp_path / "r.json") == gca.get.report(cells, "mine")
    with pytest.raises(MissingKeyError, match="gptca"):
        gca.io.to_json(cells, tmp_path / "r.json")


def test_the_names_that_other_clients_read(report):
    """The report as JSON keeps the agreed names."""
    data = _codec.to_dict(report)
    assert {"summary", "metrics", "clusters"} <= set(data)
    assert set(data["summary"]) >= {"total_clusters", "supported_clusters", "flagged_clusters", "unknown_clusters"}
    metrics = {"support_rate", "flagged_rate", "unknown_rate", "flagged_reasons", "confidence_counts"}
    assert set(data["metrics"]) >= metrics
    assert isinstance(data["summary"]["unknown_clusters"], list)
    cluster = data["clusters"][0]
    assert set(cluster) >= {"cluster_id", "annotation", "validation", "warnings", "status", "confidence"}
    labels = {"primary_label", "proposed_label", "ontology_id", "proposed_ontology_id"}
    reasons = {"confidence", "rationale", "alternatives", "caveats", "markers"}
    assert set(cluster["annotation"]) >= labels | reasons
    validation = (
        "is_supported supporting_markers missing_markers contradictory_markers ontology_mismatch notes support_count "
        "flag_reasons"
    )
    assert set(cluster["validation"]) >= set(validation.split())


def test_every_report_validates_against_the_schema(report):
    """The shipped JSON Schema is sound, is that of the classes, and takes the report; it refuses a damaged one."""
    schema = gca.io.json_schema()
    assert schema == _codec.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    data = _codec.to_dict(report)
    jsonschema.validate(data, schema)
    data["clusters"][0]["status"] = "fine"
    with pytest.raises(jsonschema.ValidationError, match="'fine' is not one of"):
        jsonschema.validate(data, schema)


def test_a_field_of_a_later_version_is_passed_over(report, tmp_path):
    """A report of a later minor version, with more fields, can be read."""
    data = {**_codec.to_dict(report), "more": 1, "schema_version": "1.7"}
    (tmp_path / "r.json").write_text(json.dumps(data), encoding="utf-8")
    assert gca.io.read_report(tmp_path / "r.json").clusters == report.clusters


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(schema_version="2.0"), "schema version 2.0, this package reads 1"),
        (lambda d: d.pop("schema_version"), "no schema_version"),
        (lambda d: d["clusters"][2].update(status=3), r"\$\.clusters\[2\]\.status"),
        (lambda d: d["clusters"][1].pop("annotation"), r"\$\.clusters\[1\]"),
        (lambda d: d["summary"].update(total_clusters="5"), r"\$\.summary\.total_clusters"),
    ],
)
def test_a_damaged_report_says_where(report, tmp_path, change, message):
    """A damaged report, or one of another major version, is an error that names the place."""
    data = _codec.to_dict(report)
    change(data)
    (tmp_path / "r.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ReportError, match=message):
        gca.io.read_report(tmp_path / "r.json")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"null", b"\xff\xfe\x00", b"[" * 100_000])
def test_a_file_that_is_no_report(tmp_path, content):
    """An empty, cut, foreign or binary file is a ReportError, never a crash."""
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(ReportError, match="report"):
        gca.io.read_report(tmp_path / "r.json")


def test_a_write_that_fails_leaves_the_old_file(report, tmp_path, monkeypatch):
    """A write that fails half-way leaves the old file whole, and no part of the new one."""
    from pathlib import Path

    path = tmp_path / "r.json"
    path.write_text("old", encoding="utf-8")

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        gca.io.to_json(report, path)
    assert path.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]


def test_a_folder_that_is_not_there(report, tmp_path):
    """A path in a folder that is not there is an OSError of that path."""
    with pytest.raises(FileNotFoundError):
        gca.io.to_json(report, tmp_path / "no" / "r.json")
