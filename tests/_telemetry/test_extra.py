"""The extra ``observability``: there or not, it is not imported before it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

RUN = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
import gca_scanpy as gca
try:
    report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1", "CD19"]}, tissue="blood")
except gca.GcaError as error:
    print(type(error).__name__, error)
else:
    print(report.clusters[0].broad_label, *sorted({"structlog", "prometheus_client"} & set(sys.modules)))
"""


@pytest.fixture
def child(tmp_path):
    """Run a fresh Python; with ``absent`` neither package of the extra can be imported."""

    def run(*, absent, **environment):
        folder = tmp_path / "absent"
        for name in ("structlog", "prometheus_client"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            (folder / name / "__init__.py").write_text(f"raise ImportError('no {name}')")
        done = subprocess.run(
            [sys.executable, "-c", RUN],
            cwd=tmp_path,
            env={**os.environ, **({"PYTHONPATH": str(folder)} if absent else {}), **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip(), done.stderr

    return run


@pytest.mark.parametrize("absent", [True, False])
def test_nothing_is_imported_unasked(child, absent):
    """With or without the extra a run imports nothing of it, and the standard logging has its events."""
    said, logged = child(absent=absent)
    assert said == "B cell"
    assert logged.count("INFO:gca_scanpy:run started: request_id=") == 1
    assert logged.count("INFO:gca_scanpy:run finished: request_id=") == 1


@pytest.mark.parametrize("asked", [{"GCA_METRICS_PORT": "9464"}, {"GCA_METRICS_TEXTFILE": "job.prom"}])
def test_metrics_without_the_extra(child, tmp_path, asked):
    """Metrics that are asked for and cannot be are an error before the run, with the command that installs them."""
    said, logged = child(absent=True, **asked)
    assert said.startswith("InputError ")
    assert "python -m pip install 'gca-scanpy[observability]'" in said
    assert "run started" not in logged
    assert not (tmp_path / "job.prom").exists()


def test_metrics_with_the_extra(child, tmp_path):
    """Where a textfile is asked for, prometheus-client is imported, and structlog is not."""
    said, _ = child(absent=False, GCA_METRICS_TEXTFILE="job.prom")
    assert said == "B cell prometheus_client"
    assert 'gca_clusters_total{status="supported"} 1.0' in (tmp_path / "job.prom").read_text()
