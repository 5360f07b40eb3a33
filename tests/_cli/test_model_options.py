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
        "annotate", markers, "--model", "m", "--base-url", nobody, "--context", "a donor", "--ask-again", "--dry-run",
        "-o", out,
    )  # fmt: skip
    assert done.returncode == 0
    assert "1 requests to m@127.0.0.1" in done.stdout
    assert "at most 1 more requests" in done.stdout
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
    contents = json.loads(report.read_text())
    assert (contents["provenance"]["model"], contents["telemetry"]["requests"]) == (None, 0)


def test_without_a_server_the_answers_are_offline(gca, markers, nobody, tmp_path):
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


def test_the_size_of_a_request_and_how_many_at_once(gca, markers, serve, tmp_path):
    """--chunk-size and --threads bound what is sent; --cache-dir keeps the answers, so that a rerun sends none."""
    server = serve()
    options = ["--model", "m", "--base-url", server.url, "--chunk-size", "1", "--threads", "1", "--cache-dir", "kept"]
    first = gca("annotate", markers, *options)
    assert first.returncode == 0, first.stderr
    assert sorted(request.ids for request in server.requests) == [["1"], ["10"]]
    assert server.most_at_once == 1
    assert any(path.suffix == ".json" for path in (tmp_path / "kept").rglob("*"))
    again = gca("annotate", markers, *options)
    assert (again.stdout, len(server.requests)) == (first.stdout, 2)


@pytest.mark.parametrize(("option", "bound"), [("--max-requests", "1"), ("--max-tokens", "150")])
def test_a_bound_on_the_costs(gca, markers, serve, option, bound):
    """Beyond --max-requests or --max-tokens nothing is sent; the clusters that are left are answered offline."""
    server = serve()
    options = ["--model", "m", "--base-url", server.url, "--chunk-size", "1", "--threads", "1", "--no-cache"]
    done = gca("annotate", markers, *options, option, bound, "--json-report", "r.json", "--quiet")
    assert done.returncode == 0, done.stderr
    assert len(server.requests) <= 1
    unbounded = gca("annotate", markers, *options)
    assert unbounded.returncode == 0
    assert len(server.requests) >= 2


def test_escalate_asks_about_the_unsure(gca, tmp_path, serve):
    """--escalate unsure sends the cluster that the offline scorer leaves open, and not the one that it is sure of."""
    sure = "MS4A1 CD79A CD79B BANK1 CD19 CD22 PAX5 FCRLA TCL1A FCER2 BLK CD24 TNFRSF13C FCRL1"
    rows = [
        f"{key},{gene}\n" for key, genes in (("sure", sure), ("open", "CD3D ZNF10 ZNF12")) for gene in genes.split()
    ]
    (tmp_path / "two.csv").write_text("cluster,gene\n" + "".join(rows))
    server = serve()
    options = ["--model", "m", "--base-url", server.url, "--no-cache"]
    done = gca("annotate", "two.csv", *options, "--escalate", "unsure")
    assert done.returncode == 0, done.stderr
    assert [request.ids for request in server.requests] == [["open"]]
    gca("annotate", "two.csv", *options, "--escalate", "all")
    assert sorted(server.requests[1].ids) == ["open", "sure"]


def test_fail_on_unanswered(gca, markers, nobody):
    """--fail-on unanswered: exit code 3 names the clusters that no model answered; without a model there are none."""
    done = gca("annotate", markers, "--model", "m", "--base-url", nobody, "--fail-on", "unanswered")
    assert done.returncode == 3
    assert "--fail-on unanswered: 2 of 2 clusters: 1, 10" in done.stderr
    assert gca("annotate", markers, "--offline", "--fail-on", "unanswered").returncode == 0
