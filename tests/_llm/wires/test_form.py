"""Servers that do not take a part of the request: a simpler form is found, and remembered."""

from __future__ import annotations

import pytest

import gca_scanpy as gca


def labels(report):
    """The labels by cluster."""
    return {c.cluster_id: c.annotation.primary_label for c in report.clusters}


@pytest.mark.parametrize(
    ("message", "refused"),
    [
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'.",
            lambda body: "max_tokens" in body,
        ),
        (
            "Developer instruction is not enabled for this model",
            lambda body: any(m["role"] == "system" for m in body["messages"]),
        ),
        ("temperature must be left out", lambda body: "temperature" in body),
        (
            "temperature and response_format are not supported",
            lambda body: {"temperature", "response_format"} & set(body),
        ),
        (
            "bad request",  # the server says nothing
            lambda body: "response_format" in body,
        ),
    ],
)
def test_what_a_gateway_does_not_take(serve, model_of, many, fault, message, refused):
    """Every cluster has its answer, and the second run needs no refused request."""
    server = serve(
        lambda request, _: fault.Raw(400, {"error": {"message": message}}) if refused(request.body) else None
    )
    markers, truth = many(8)
    asking = gca.Asking(model_of(server), cache=False, n_threads=1, chunk_size=4)
    assert labels(gca.annotate_markers(markers, tissue="blood", model=asking)) == truth
    n_requests = len(server.requests)
    assert labels(gca.annotate_markers(markers, tissue="blood", model=asking)) == truth
    assert len(server.requests) == n_requests + 2
