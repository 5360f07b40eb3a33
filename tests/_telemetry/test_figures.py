"""What a run adds to the metrics."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from attrs import evolve, fields
from hypothesis import given
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy._settings import Settings
from gca_scanpy._telemetry.figures import METERS, of_run
from gca_scanpy.model import Telemetry

OFFLINE = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1", "CD19"], "1": ["ACTB"]}, tissue="blood")
REPORT = evolve(OFFLINE, telemetry=evolve(OFFLINE.telemetry, requests=2, request_seconds=(0.4, 0.2)))
DOCUMENT = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text(encoding="utf-8")
LABELS = {meter.name: meter.label for meter in METERS}
counts = st.integers(0, 10**9)


@pytest.mark.parametrize("report", [REPORT, None], ids=["completed", "failed"])
def test_every_figure_has_its_meter(report):
    """Each figure is one of a known meter, and has a label exactly where the meter has one."""
    figures = of_run(report, 1.5)
    assert all((LABELS[figure.meter] is None) == (figure.label is None) for figure in figures)
    once = [figure for figure in figures if figure.meter != "gca_model_request_seconds"]
    assert len({(figure.meter, figure.label) for figure in once}) == len(once)
    if report is not None:
        assert {figure.meter for figure in figures} == set(LABELS)
        assert [f.amount for f in figures if f not in once] == [0.4, 0.2]


@given(st.builds(Telemetry, requests=counts, retries=counts, prompt_tokens=st.integers(-9, 10**9), overrides=counts))
def test_the_numbers_are_those_of_the_report(telemetry):
    """Whatever a run cost, its figures say so; a counter never goes down, whatever a user's model counts."""
    found = {(f.meter, f.label): f.amount for f in of_run(evolve(REPORT, telemetry=telemetry), 2.5)}
    assert found["gca_run_seconds", None] == 2.5
    assert found["gca_model_requests_total", None] == telemetry.requests
    assert found["gca_model_retries_total", None] == telemetry.retries
    assert found["gca_model_tokens_total", "prompt"] == max(0, telemetry.prompt_tokens)
    assert found["gca_overrides_total", None] == telemetry.overrides
    clusters = [amount for (meter, _), amount in found.items() if meter == "gca_clusters_total"]
    assert sum(clusters) == len(REPORT.clusters)
    assert min(found.values()) >= 0


def test_the_document_has_every_metric():
    """docs/telemetry.md has a row for every metric with its label, and none for another."""
    rows = dict(re.findall(r"^\| `(gca_\w+)` \| \w+ \| (?:`(\w+)`)?", DOCUMENT, re.M))
    assert rows == {name: label or "" for name, label in LABELS.items()}


def test_the_document_has_every_setting():
    """docs/telemetry.md names the environment variable of each setting of the metrics, and no other."""
    own = {a.metadata["env"][0] for a in fields(Settings) if a.name.startswith("metrics_")}
    assert set(re.findall(r"GCA_METRICS_\w+", DOCUMENT)) == own
