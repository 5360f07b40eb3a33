"""The arguments about language models, checked before anything is computed or sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from os import PathLike
from typing import Any, Optional, Union

from gca_scanpy._consult import Consultation
from gca_scanpy._llm.cache import open_cache
from gca_scanpy._llm.chat import ChatModel
from gca_scanpy._llm.language_model import LanguageModel
from gca_scanpy._settings import Settings
from gca_scanpy.errors import InputError

OFFLINE = "offline"
ModelLike = Union[ChatModel, str, Sequence[Union[ChatModel, str]], None]


def consultation(
    *,
    model: ModelLike,
    base_url: Optional[str],
    api_key: Optional[str],
    cache: Union[bool, str, PathLike[str]],
    current: Settings,
    **how: Any,
) -> Consultation:
    """How language models are asked.

    Raises
    ------
    InputError
        Where a model's name cannot be used, its key is missing, or an argument is out of its range.
    """
    for name, value in how.items():
        if name.startswith(("max_", "chunk_", "n_")):
            check_count(name, value, optional=name.startswith("max_"))
    for name, known in {"escalate": ("all", "unsure"), "on_error": ("offline", "raise")}.items():
        if how[name] not in known:
            msg = f"{name}={how[name]!r} must be one of: {', '.join(known)}"
            raise InputError(msg)
    models = tuple(_model(one, base_url, api_key, current) for one in _listed(model, current))
    names = [one.name for one in models]
    if len(set(names)) < len(names):
        msg = f"model names the same model twice: {', '.join(names)}"
        raise InputError(msg)
    return Consultation(
        models=models,
        cache=open_cache(cache, current.cache_dir) if models else None,
        requests_per_minute=current.requests_per_minute,
        tokens_per_minute=current.tokens_per_minute,
        **how,
    )


def check_count(name: str, value: Any, *, optional: bool = False) -> None:
    """Raise :class:`InputError` where an argument is no whole number from 1."""
    if optional and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        msg = f"{name}={value!r} must be a whole number from 1"
        raise InputError(msg)


def _listed(model: Any, current: Settings) -> list[Any]:
    if model is None:
        model = current.model
    if model is None or model is False or model == OFFLINE:
        return []
    if isinstance(model, (list, tuple)):
        if not model:
            msg = "model is an empty list; name a model, or leave it out for the offline scorer"
            raise InputError(msg)
        return list(model)
    return [model]


def _model(model: Any, base_url: Optional[str], api_key: Optional[str], current: Settings) -> ChatModel:
    if not isinstance(model, str):
        if isinstance(model, Mapping) or not isinstance(model, ChatModel):
            msg = f"model={model!r} has no name and no method complete(messages, schema)"
            raise InputError(msg)
        return model
    return LanguageModel(
        model,
        base_url=base_url or current.base_url or None,
        api_key=api_key,
        headers=current.headers,
        timeout=current.timeout,
        deadline=current.deadline,
    )
