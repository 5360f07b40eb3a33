"""What a server's refusal means."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._llm.endpoint import endpoint_of
from gca_scanpy._llm.failures import TooLongError, TransientError, UnsupportedError, failure
from gca_scanpy.errors import AccessError, ModelError

KEY = "sk-live-0123456789abcdef"
ENDPOINT = endpoint_of("openai:some-model", {}, api_key=KEY)


def error_of(status, body=None, headers=None):
    """The error of a reply."""
    data = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
    return failure(status, headers or {}, data, ENDPOINT)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 520, 524, 529])
def test_what_may_pass(status):
    """These are tried again; a server that fails is told apart from one that is busy or limits the rate."""
    cause = {429: "rate", 500: "fault", 502: "fault", 504: "fault", 520: "fault", 524: "fault"}.get(status, "busy")
    assert isinstance(error_of(status), TransientError)
    assert error_of(status).cause == cause


@pytest.mark.parametrize("status", [401, 402, 403, 404, 301, 307])
def test_what_is_final_for_all_questions(status):
    """These concern every question alike."""
    assert isinstance(error_of(status), AccessError)


@pytest.mark.parametrize("status", [400, 415, 422, 501])
def test_what_another_form_may_mend(status):
    """These may be about the form of the request; what the server wrote may name the part."""
    assert isinstance(error_of(status), UnsupportedError)
    assert error_of(status, {"error": {"message": "Unsupported value: 'temperature'"}}).detail.endswith("'temperature'")


def test_other_refusals():
    """What is none of these is an error of the model, once."""
    assert type(error_of(418)) is ModelError


@pytest.mark.parametrize(
    "said",
    ["You exceeded your current quota: insufficient_quota", "Your credit balance is too low", "GenerateRequestsPerDay"],
)
def test_a_quota_is_no_rate(said):
    """A used-up quota says 429 as a rate limit does, and does not pass by waiting."""
    found = error_of(429, {"error": {"message": said}})
    assert isinstance(found, AccessError)
    assert "quota or credit" in str(found)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "2500", "retry-after": "9"}, 2.5),
        ({"retry-after": "0"}, 0.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30.5s"}, 90.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "250ms"}, 0.25),
        ({"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "24h"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "soon"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers, seconds):
    """Seconds, milliseconds, or nothing that can be used."""
    assert error_of(429, headers=headers).retry_after == seconds


def test_a_date_to_wait_for():
    """A date, and one that has passed."""
    now = datetime.now(timezone.utc)
    ahead = error_of(503, headers={"retry-after": format_datetime(now + timedelta(seconds=100), usegmt=True)})
    assert 95 < ahead.retry_after <= 100
    assert (
        error_of(503, headers={"retry-after": format_datetime(now - timedelta(days=1), usegmt=True)}).retry_after == 0
    )


def test_geminis_delay():
    """Gemini puts it into the body."""
    details = [{"@type": "x"}, {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}]
    assert error_of(429, {"error": {"message": "slow down", "details": details}}).retry_after == 34.5


@pytest.mark.parametrize(
    "body", [{"error": {"message": "the  very\nreason"}}, {"error": "the very reason"}, {"detail": "the very reason"}]
)
def test_what_the_server_says(body):
    """Whatever form it has, in one line."""
    assert str(error_of(418, body)).endswith("answers 418: the very reason")


def test_a_page_says_nothing():
    """The HTML of a proxy is not shown."""
    assert "<" not in str(error_of(502, b"<html><body>Bad Gateway</body></html>"))


@pytest.mark.parametrize("status", [400, 401, 404, 413, 418, 429, 500, 307])
def test_the_key_is_hidden(status):
    """A server that repeats the key, or cuts its message within it, does not bring it into ours."""
    text = "x" * 290 + f" bad key {KEY} " + "y" * 100
    found = str(error_of(status, {"error": {"message": text}}, {"location": f"http://h/?key={KEY}"}))
    assert KEY[:12] not in found


@pytest.mark.parametrize("status", [400, 413, 422, 500])
def test_a_question_that_is_too_long(status):
    """The context is too small for it: a part of it may not be."""
    assert isinstance(error_of(status, {"error": {"message": "maximum context length is 512"}}), TooLongError)


@given(status=st.integers(300, 599), body=st.binary(max_size=200), after=st.text(max_size=20))
def test_any_refusal_is_one_sentence(status, body, after):
    """Any status, any bytes: an error in one line, never a traceback."""
    found = error_of(status, body, {"retry-after": after, "location": after})
    assert isinstance(found, ModelError)
    assert len(str(found)) < 1000


def test_geminis_errors_in_a_list():
    """Gemini may wrap its error in a list, and an empty one says nothing: the sentence and the delay are heard."""
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]
    error = error_of(429, [{"error": {"message": "slow down", "details": details}}])
    assert "slow down" in str(error)
    assert error.retry_after == 7
    assert error_of(503, []).retry_after is None
