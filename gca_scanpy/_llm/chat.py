"""The protocol of a language model: it takes messages and returns text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from attrs import frozen

from gca_scanpy._llm.prompt import Message


@frozen
class Completion:
    """The result of a model's ``complete``.

    Attributes
    ----------
    text
        The reply.
    prompt_tokens
        Tokens of the messages, as the server counted them; 0 if it did not.
    completion_tokens
        Tokens of the reply, as the server counted them; 0 if it did not.
    """

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


@runtime_checkable
class ChatModel(Protocol):
    """Any object that answers messages with text.

    Attributes
    ----------
    name
        Identifies the model in the report and in the cache; models that answer differently need different names.
    """

    @property
    def name(self) -> str:
        """Name of the model."""
        ...

    def complete(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Completion:
        """Answer the messages with JSON that follows the JSON Schema.

        Raises
        ------
        ModelError
            If there is no answer. Any other exception reaches the user.
        """
        ...
