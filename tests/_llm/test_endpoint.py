"""Model names, addresses and keys."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._llm.endpoint import PROVIDERS, endpoint_of, is_loopback
from gca_scanpy.errors import GcaError, InputError

KEY = "sk-live-0123456789abcdef"
ENVIRON = {name: KEY for provider in PROVIDERS.values() for name in provider.keys}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("model", ["m", "gpt-4.1-mini", "org/model:free", "β", "a:b:c"])
def test_any_model_name_is_passed_on(provider, model):
    """No list of models: what stands behind the provider's name is the model, colons included."""
    found = endpoint_of(f"{provider.upper()}: {model} ", ENVIRON)
    assert (found.model, found.wire) == (model, PROVIDERS[provider].wire)
    assert found.name == f"{provider}:{model}"


@pytest.mark.parametrize("name", ["", " ", ":", "openai", "openai:", "openai: ", "gpt-4", "unknown:model", ":m"])
def test_names_that_name_nothing(name):
    """Without a provider, or without a model, the error lists the providers."""
    with pytest.raises(InputError, match=r"openai:MODEL.*base_url"):
        endpoint_of(name, ENVIRON)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"),
        (" https://x.org/openai/v1/ ", "https://x.org/openai/v1"),
        ("https://x.org/v1/chat/completions", "https://x.org/v1"),
        ("https://x.org/v1?api-version=2", "https://x.org/v1"),
        ("https://lab:pw@x.org", "https://x.org/v1"),
        ("http://[::1]:1/v9", "http://[::1]:1/v9"),
    ],
)
def test_addresses(given, url):
    """The API's path is added where there is none; what people copy from examples, and what may be secret, is cut."""
    assert endpoint_of("m", {}, base_url=given).url == url


@pytest.mark.parametrize(
    "url", ["x.org", "ftp://x.org", "http://", "http://x:port", "http://[::1", "file:///etc/passwd", "1"]
)
def test_what_is_no_address(url):
    """What is no http address is said with an example."""
    with pytest.raises(InputError, match="is not an http or https address"):
        endpoint_of("m", {}, base_url=url)


def test_where_keys_come_from():
    """The argument, else the provider's variables in their order, else with base_url GCA_API_KEY; blanks are none."""
    assert endpoint_of("openai:m", ENVIRON, api_key="other").key.reveal() == "other"
    assert endpoint_of("gemini:m", {"GEMINI_API_KEY": " ", "GOOGLE_API_KEY": f" {KEY} "}).key.reveal() == KEY
    assert endpoint_of("m", {"GCA_API_KEY": KEY, "OPENAI_API_KEY": "no"}, base_url="http://h").key.reveal() == KEY
    assert not endpoint_of("m", {"OPENAI_API_KEY": KEY}, base_url="http://elsewhere").key
    assert not endpoint_of("ollama:m", ENVIRON).key
    with pytest.raises(InputError, match="set GEMINI_API_KEY or GOOGLE_API_KEY, or pass api_key="):
        endpoint_of("gemini:m", {})


@pytest.mark.parametrize("key", ["two words", "sk\n", "ключ", "a\x00b"])
def test_keys_that_no_header_can_carry(key):
    """A key that was copied badly is said at once, without it."""
    with pytest.raises(InputError, match="was it copied whole") as caught:
        endpoint_of("openai:m", {}, api_key=key)
    assert key not in str(caught.value)


@pytest.mark.parametrize("headers", [{"a b": "c"}, {"": "c"}, {"a": "x\r\nb: c"}, {"a": " x"}, {"a": "ä"}, {"a:": "x"}])
def test_headers_that_cannot_be_sent(headers):
    """No header can smuggle in another one."""
    with pytest.raises(InputError, match="cannot be sent"):
        endpoint_of("m", {}, base_url="http://h", headers=headers)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0:11434", "http://127.0.0.1:11434/v1"),
        ("gpu-node", "http://gpu-node:11434/v1"),
        ("https://gpu:8443", "https://gpu:8443/v1"),
        ("", "http://127.0.0.1:11434/v1"),
    ],
)
def test_ollamas_own_variable(host, url):
    """OLLAMA_HOST is where it listens, with or without a port."""
    assert endpoint_of("ollama:m", {"OLLAMA_HOST": host}).url == url


@pytest.mark.parametrize(
    ("host", "own"),
    [("localhost", True), ("127.0.0.9", True), ("::1", True), ("10.0.0.1", False), ("localhost.org", False)],
)
def test_this_machine(host, own):
    """Only loopback is this machine."""
    assert is_loopback(host) is own


@given(name=st.text(max_size=30), url=st.none() | st.text(max_size=30), key=st.none() | st.text(max_size=10))
def test_any_text_is_an_endpoint_or_an_error_of_ours(name, url, key):
    """Whatever is given: an endpoint, or one sentence."""
    with contextlib.suppress(GcaError):
        assert endpoint_of(name, ENVIRON, base_url=url, api_key=key).model
