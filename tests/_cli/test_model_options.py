"""The options about language models: what would be sent, what is never sent, and what a dead server does."""

from __future__ import annotations

import json
import socket

import pytest

CSV = "cluster,gene\n" + "".join(
    f"{key},{gene}\n"
    for key, genes in (("1", "MS4A1 CD79A CD79B BANK1"), ("10", "CD3D CD3E TRAC IL7R"))
    for gene in genes.split()
)


@pytest.fixture
def markers(tmp_path):
    """A marker table of two clusters."""
    path = tmp_path / "markers.csv"
    path.write_text(CSV)
    return path


@pytest.fixture
def nobody():
    """Address of a port at which no server listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def test_a_dry_run_shows_the_messages_and_sends_nothing(gca, markers, tmp_path, nobody):
    """--dry-run prints the exact messages; no request is made, no file is written."""
    out = tmp_path / "out.csv"
    done = gca(
        "annotate", markers, "--model", "m", "--base-url", nobody, "--context", "a donor", "--dry-run", "-o", out
    )
    assert done.returncode == 0
    assert "1 requests to m@127.0.0.1" in done.stdout
    assert '"context":"a donor"' in done.stdout
    assert "MS4A1 CD79A" in done.stdout
    assert not out.exists()


def test_offline_outranks_the_environment(gca, markers, monkeypatch, nobody, tmp_path):
    """--offline asks no model though GCA_MODEL is set."""
    monkeypatch.setenv("GCA_MODEL", "m")
    monkeypatch.setenv("GCA_BASE_URL", nobody)
    report = tmp_path / "report.json"
    done = gca("annotate", markers, "--offline", "--json-report", report)
    assert done.returncode == 0
    assert "Warning" not in done.stderr
    found = json.loads(report.read_text())
    assert (found["provenance"]["model"], found["telemetry"]["requests"]) == (None, 0)


def test_no_server_is_said_and_answered_offline(gca, markers, nobody, tmp_path):
    """A server that is not there: the offline answers, one warning, and the flag in the report."""
    report = tmp_path / "report.json"
    done = gca("annotate", markers, "--model", "m", "--base-url", nobody, "--json-report", report)
    assert done.returncode == 0
    assert done.stderr.count("is it running?") == 1
    clusters = json.loads(report.read_text())["clusters"]
    assert [c["source"] for c in clusters] == ["offline", "offline"]
    assert all("llm_unavailable" in c["validation"]["flag_reasons"] for c in clusters)
    assert [c["broad_label"] for c in clusters] == ["B cell", "T cell"]


def test_on_error_raise_is_one_line(fails, markers, nobody):
    """--on-error raise ends with one line, and no table."""
    assert "is it running?" in fails("annotate", markers, "--model", "m", "--base-url", nobody, "--on-error", "raise")


def test_a_missing_key_names_the_variable(fails, markers):
    """A service without a key: one line that names the variable, before anything is sent."""
    assert "OPENAI_API_KEY" in fails("annotate", markers, "--model", "openai:gpt-4.1-mini")


def test_offline_and_a_model(fails, markers):
    """Both at once cannot be meant."""
    assert "exclude each other" in fails("annotate", markers, "--model", "ollama:x", "--offline")
