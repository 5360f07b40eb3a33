"""How models are to be asked: what cannot be meant is refused before anything is computed or sent."""

from __future__ import annotations

import pytest

import gca_scanpy as gca
from gca_scanpy.errors import InputError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"escalate": "sometimes"}, "escalate='sometimes' must be one of: all, unsure"),
        ({"on_error": "ignore"}, "on_error='ignore' must be one of: offline, raise"),
        ({"chunk_size": 0}, "chunk_size=0 must be a whole number from 1"),
        ({"n_threads": 2.5}, "n_threads=2.5 must be a whole number from 1"),
        ({"max_requests": True}, "max_requests=True must be a whole number from 1"),
        ({"max_tokens": -1}, "max_tokens=-1 must be a whole number from 1"),
        ({"context": 7}, "context=7 must be text"),
        ({"cache": None}, "cache=None must be True, False or a folder"),
    ],
)
def test_bad_values_are_refused(fake_model, options, message):
    """An option that cannot be meant is an InputError with what it was and what is accepted."""
    with pytest.raises(InputError) as caught:
        gca.Asking(fake_model(), **options)
    assert str(caught.value) == message


def test_it_is_frozen():
    """An asking that was checked stays as it was checked."""
    with pytest.raises(AttributeError):
        gca.Asking("openai:x").chunk_size = 0


def test_the_same_model_twice(lineages, fake_model):
    """Two models of one name are one voice counted twice: an error that lists the names."""
    with pytest.raises(InputError, match="names the same model twice: a, b, a"):
        gca.annotate_markers(lineages, model=[fake_model("a"), fake_model("b"), fake_model("a")])


def test_two_spellings_of_one_model(lineages, monkeypatch):
    """``OpenAI:x`` and ``openai:x`` are one model."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    with pytest.raises(InputError, match="names the same model twice: openai:x, openai:x"):
        gca.annotate_markers(lineages, model=["OpenAI:x", "openai:x"])


def test_an_empty_list_of_models(lineages):
    """An empty list is not the same as None: the user meant some model."""
    with pytest.raises(InputError, match="model is an empty list"):
        gca.annotate_markers(lineages, model=[])


@pytest.mark.parametrize("model", [{"name": "x"}, 7, ["openai:x", 7], object()])
def test_what_is_no_model(lineages, model):
    """Anything without a name and a method complete is refused, and the message shows it."""
    with pytest.raises(InputError, match="no name and no method complete"):
        gca.annotate_markers(lineages, model=model)


def test_offline_among_others(lineages):
    """``"offline"`` asks no model; beside another it has no meaning."""
    with pytest.raises(InputError, match="pass model='offline' alone"):
        gca.annotate_markers(lineages, model=["offline", "openai:x"])


def test_an_asking_without_a_model(lineages):
    """Options for a model that nobody named are an error, never ignored; the settings may name it."""
    with pytest.raises(InputError, match="no language model is named"):
        gca.annotate_markers(lineages, model=gca.Asking(max_requests=1))
    with gca.settings.override(model="ollama:x", base_url="http://127.0.0.1:9"):
        plan = gca.plan_markers(lineages, model=gca.Asking(cache=False))
    assert plan.models == ("ollama:x@127.0.0.1:9",)


def test_a_key_goes_to_the_model_that_it_was_given_to(monkeypatch):
    """With two providers each model has its own key: no argument hands one key to both."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-0123456789")
    models = (gca.LanguageModel("anthropic:x", api_key="sk-anthropic-0123456789"), "openai:y")
    asked = gca.Asking(models).resolve(gca.settings.current())
    keys = [model.endpoint.key.reveal() for model in asked]
    assert keys == ["sk-anthropic-0123456789", "sk-openai-0123456789"]
    assert "0123456789" not in repr(gca.Asking(models))
