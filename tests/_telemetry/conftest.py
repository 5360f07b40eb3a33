"""A process that has counted nothing yet, and what it exposes, read with Prometheus' own parsers."""

from __future__ import annotations

import socket
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from gca_scanpy._telemetry import exporter

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture(autouse=True)
def _nothing_counted(monkeypatch):
    """Each test begins as a process does."""
    monkeypatch.setattr(exporter, "_OWN", [])


def _samples(text, read=read_text):
    """Values by name, or by name and label value; the times at which counters were made are left out."""
    families = [family for family in read(text) if not family.name.endswith("_created")]
    samples = [sample for family in families for sample in family.samples if not sample.name.endswith("_created")]
    return {"/".join((sample.name, *sample.labels.values())): sample.value for sample in samples}


@pytest.fixture
def parse():
    """Parse what was exposed: ``parse(text)``."""
    return _samples


@pytest.fixture
def scrape():
    """Scrape a port of 127.0.0.1 as Prometheus does, in the text format or in OpenMetrics."""

    def get(port, *, openmetrics=False):
        headers = {"Accept": OPENMETRICS} if openmetrics else {}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as reply:
            assert reply.headers["content-type"].startswith(OPENMETRICS.split(";")[0] if openmetrics else "text/plain")
            return _samples(reply.read().decode(), read_openmetrics if openmetrics else read_text)

    return get


@pytest.fixture
def port():
    """A port of 127.0.0.1 that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
