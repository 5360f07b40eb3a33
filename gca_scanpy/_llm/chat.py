"""What a language model must be able to do: take messages, give text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from attrs import frozen

from gca_scanpy._llm.prompt import Message


@frozen
class Completion:
    """What a model's ``complete`` gives.

    Attributes
    ----------
    text
        The reply.
    prompt_tokens
        Tokens of the question, as the server counted them.
    completion_tokens
        Tokens of the reply.
    """

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


@runtime_checkable
class ChatModel(Protocol):
    """Anything that answers messages with text.

    Attributes
    ----------
    name
        Identifies the model in the report and in the cache; two models that answer differently need two names.
    """

    @property
    def name(self) -> str:
        """Name of the model."""
        ...

    def complete(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Completion:
        """Answer the messages with JSON of the given JSON Schema.

        Raises
        ------
        ModelError
            Where there is no answer. Any other exception is passed on to the user.
        """
        ...
