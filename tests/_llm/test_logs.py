"""Keys of a language model, and logs and metrics of the runs that use them."""

from __future__ import annotations

import logging

import pytest
import structlog

import gca_scanpy as gca
from gca_scanpy.errors import ModelError

SECRETS = ("sk-log-0123456789", "header-secret-0123", "passw0rd-0123")


@pytest.fixture
def texts(serve, fault, lineages, tmp_path):
    """Do a good run, a failing one and a dry one with keys in all places; gives the textfile's text."""

    def run():
        server = serve(lambda request, number: None if number == 1 else fault.Raw(401, {"error": " ".join(SECRETS)}))
        model = gca.LanguageModel(
            "openai:m",
            base_url=server.url.replace("//", f"//lab:{SECRETS[2]}@"),
            api_key=SECRETS[0],
            headers={"X-Key": SECRETS[1]},
        )
        with gca.settings.override(metrics_textfile=tmp_path / "job.prom", headers={"X-Key": SECRETS[1]}):
            gca.annotate_markers(lineages, model=gca.Asking(model, cache=False))
            with pytest.raises(ModelError):
                gca.annotate_markers(lineages, model=gca.Asking(model, cache=False, on_error="raise"))
            gca.plan_markers(lineages, model=model)
        assert len(server.requests) == 2
        return (tmp_path / "job.prom").read_text()

    return run


def test_no_key_in_the_standard_logging(texts, caplog):
    """No key is in any record of any logger at DEBUG, its extra values included, nor in the metrics."""
    caplog.set_level(logging.DEBUG)
    exposed = texts()
    records = [f"{record.getMessage()} {record.__dict__}" for record in caplog.records]
    assert sum(record.name == "gca_scanpy" for record in caplog.records) >= 10
    assert sum(record.name == "httpx" for record in caplog.records) == 2
    for secret in SECRETS:
        assert not [record for record in records if secret in record]
        assert secret not in exposed


def test_no_key_in_structlog(texts):
    """No key is in any event."""
    with structlog.testing.capture_logs() as caught:
        texts()
    structlog.reset_defaults()  # capturing configures it, and later tests would find it so
    assert {entry["event"] for entry in caught} >= {"run started", "step", "run finished", "run failed"}
    assert not [entry for entry in caught for secret in SECRETS if secret in str(entry)]


def test_a_request_that_is_sent_again_leaves_a_line(serve, model_of, fault, lineages, waits, caplog):
    """Each failed request is logged with the model, the reason and when the next one is sent."""
    caplog.set_level(logging.INFO, "gca_scanpy")
    server = serve(lambda _, number: fault.Raw(503, {"error": "loading"}) if number <= 2 else None)
    gca.annotate_markers(lineages, model=gca.Asking(model_of(server), cache=False, n_threads=1))
    lines = [record for record in caplog.records if "request failed" in record.getMessage()]
    assert len(lines) == len(server.requests) - 1 == 2
    assert all("503" in str(record.__dict__) and "next_in_seconds" in str(record.__dict__) for record in lines)
