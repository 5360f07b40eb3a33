"""How language models are asked: the options that belong together, checked before anything is computed or sent."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Optional, Union, get_args

from attrs import field, frozen
from attrs.validators import optional

from gca_scanpy._arguments import PATH, TEXT, Kind, check, is_count, is_text, of_kind, one_of
from gca_scanpy._llm.language_model import ChatModel, LanguageModel
from gca_scanpy._settings import Settings
from gca_scanpy.errors import InputError, shown

Escalate = Literal["all", "unsure"]
OnError = Literal["offline", "raise"]
OFFLINE = "offline"


CACHE = Kind(lambda value: isinstance(value, bool) or PATH.accepts(value), "True, False or a folder")


def _models(model: Any) -> tuple[Union[ChatModel, str], ...]:
    """The models that an argument names; none if it is None, which leaves the choice to the settings."""
    if model is None:
        return ()
    models = tuple(model) if isinstance(model, (list, tuple)) else (model,)
    if not models:
        msg = "model is an empty list; name a model, or leave it out for the offline scorer"
        raise InputError(msg)
    for one in models:
        if not isinstance(one, str) and (isinstance(one, (Mapping, type)) or not isinstance(one, ChatModel)):
            msg = (
                f"model={shown(one)} has no name and no method complete(messages, schema); name a model, such as "
                "'openai:gpt-4.1-mini', or pass a gca_scanpy.LanguageModel"
            )
            raise InputError(msg)
    names = [one if isinstance(one, str) else one.name for one in models]
    for name in names:
        check("the name of a model", name, TEXT)
    _check_distinct(names)
    if OFFLINE in names:
        msg = f"model={names!r} contains 'offline', which asks no model; pass model='offline' alone"
        raise InputError(msg)
    return models


def _check_distinct(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        msg = f"model names the same model twice: {', '.join(names)}"
        raise InputError(msg)


def _option(text: str, name: str = "") -> dict[str, str]:
    """What the command line shows of a field: its help, and its option if that is not called like the field."""
    return {"help": text, "option": name}


@frozen
class Asking:
    """Which language models are asked, about what, and within which bounds.

    Pass one as ``model=`` of :func:`gca_scanpy.tl.annotate` or :func:`gca_scanpy.tl.plan`. Making one with a bad value
    raises.

    Parameters
    ----------
    model
        A name such as ``"openai:gpt-4.1-mini"``, a :class:`gca_scanpy.LanguageModel`, any object with a ``name`` and a
        method ``complete(messages, schema)``, or a list of these. If several are named, each answers alone, and the
        term that most of them support is the verdict. If None, ``settings.model`` is asked.
    context
        Additional information for the model, in your own words; at most 4,000 characters are sent.
    escalate
        ``"all"`` asks about all clusters, ``"unsure"`` about those that the offline scorer does not support with High
        confidence.
    on_error
        If no model answers a cluster, ``"offline"`` uses the offline scorer's answer and flags it
        ``llm_unavailable``; ``"raise"`` raises, and the data stay as they were.
    max_requests, max_tokens
        Bounds of the run. A request that would pass one is not sent; tokens of open requests are estimated.
    chunk_size
        Clusters in a request.
    n_threads
        Requests at once.
    cache
        Whether answers are stored and used again: True for the folder of the settings, False for none, or a folder.

    Raises
    ------
    InputError
        If a value cannot be used; the message says what it was and what is accepted.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> asking = gca.Asking("openai:gpt-4.1-mini", escalate="unsure", max_requests=20)
    >>> asking.escalate, asking.chunk_size
    ('unsure', 16)
    """

    model: tuple[Union[ChatModel, str], ...] = field(default=None, converter=_models)
    context: Optional[str] = field(
        default=None,
        kw_only=True,
        validator=optional(is_text),
        metadata=_option("Additional information for a language model, such as the donor's disease."),
    )
    escalate: Escalate = field(
        default="all",
        kw_only=True,
        validator=of_kind(one_of(*get_args(Escalate))),
        metadata=_option("Ask a language model about all clusters, or about those the offline scorer is unsure of."),
    )
    on_error: OnError = field(
        default="offline",
        kw_only=True,
        validator=of_kind(one_of(*get_args(OnError))),
        metadata=_option("If a language model leaves a cluster unanswered: use the offline answer, or stop."),
    )
    max_requests: Optional[int] = field(
        default=None, kw_only=True, validator=optional(is_count), metadata=_option("Send no more requests than this.")
    )
    max_tokens: Optional[int] = field(
        default=None, kw_only=True, validator=optional(is_count), metadata=_option("Use no more tokens than this.")
    )
    chunk_size: int = field(default=16, kw_only=True, validator=is_count, metadata=_option("Clusters in a request."))
    n_threads: int = field(
        default=8, kw_only=True, validator=is_count, metadata=_option("Requests at once.", "threads")
    )
    cache: Union[bool, str, os.PathLike[str]] = field(default=True, kw_only=True, validator=of_kind(CACHE))

    def resolve(self, settings: Settings) -> tuple[ChatModel, ...]:
        """The models to ask: those named here, else that of the settings.

        Raises
        ------
        InputError
            If none is named in either, or a name cannot be used.
        """
        named = self.model or _models(settings.model or None)
        if not named:
            msg = "no language model is named: pass a model to Asking, or set GCA_MODEL"
            raise InputError(msg)
        models = tuple(client(one, settings) if isinstance(one, str) else one for one in named)
        _check_distinct([model.name for model in models])  # two spellings may be one model
        return models


ModelLike = Union[Asking, ChatModel, str, Sequence[Union[ChatModel, str]], None]


def asking_of(model: ModelLike, settings: Settings) -> Optional[Asking]:
    """What the argument ``model=`` asks for; None if the offline scorer answers alone.

    Raises
    ------
    InputError
        If it is nothing that can be asked.
    """
    if isinstance(model, Asking):
        return model
    if model is None:
        model = settings.model
    if model is None or (isinstance(model, str) and model == OFFLINE):
        return None
    return Asking(model)


def client(name: str, settings: Settings) -> LanguageModel:
    """The model of this name, with the server, the headers and the limits of the settings."""
    return LanguageModel(
        name,
        base_url=settings.base_url or None,
        headers=settings.headers,
        timeout=settings.timeout,
        deadline=settings.deadline,
    )
