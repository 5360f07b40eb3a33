"""A language model that is used over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn, Optional, Protocol, Union, cast, runtime_checkable

from attrs import define, field, frozen

from gca_scanpy._arguments import checked
from gca_scanpy._llm import prompt
from gca_scanpy._llm.endpoint import Endpoint, endpoint_of
from gca_scanpy._llm.failures import TooLongError, TroubleError, UnsupportedError
from gca_scanpy._llm.gate import Deadline, Gate
from gca_scanpy._llm.prompt import Message
from gca_scanpy._llm.wires import WIRES, Form, Wire, simpler
from gca_scanpy._secrets import Address, Concealed, Secret, environment
from gca_scanpy.errors import InputError, ModelError, shown

if TYPE_CHECKING:
    from gca_scanpy._llm.transport import Transport


TIMEOUT, DEADLINE = 120.0, 300.0  # seconds


@define(eq=False, repr=False, init=False)
class LanguageModel:
    """A language model that is used over HTTP.

    Parameters
    ----------
    name
        ``provider:model`` with the provider ``openai``, ``anthropic``, ``gemini``, ``ollama`` or ``openrouter``;
        with ``base_url``, a bare model name is accepted too. The model name is sent unchanged.
    base_url
        Address of another server that uses the provider's format, or OpenAI's if no provider is named: vLLM,
        llama.cpp, LM Studio, Azure, or the gateway of an institution. If it has no path, the usual one is added.
    api_key
        The API key. If None, it is read from the usual environment variable of the provider, and with ``base_url``
        also from ``GCA_API_KEY``. Local servers need no key.
    headers
        Extra headers, such as those that a gateway requires.
    timeout
        Seconds without any received byte after which a request is sent again.
    deadline
        Seconds after which a question fails, including all its retries.
    temperature
        Sampling temperature; None uses the default of the server. It is left out if a server does not accept it, and
        for Anthropic, whose API has no temperature.

    Raises
    ------
    InputError
        If the name or the URL is invalid, or the key is missing.
    TypeError
        If the model is pickled or copied, because it holds the key.

    Examples
    --------
    >>> from gca_scanpy import LanguageModel
    >>> LanguageModel("my-model", base_url="http://127.0.0.1:8080")
    LanguageModel('my-model@127.0.0.1:8080')
    """

    endpoint: Endpoint
    wire: Wire
    _transport: Transport
    _form: Form
    _has_worked: bool = field(default=False, init=False)  # whether a request of this form was answered
    _is_refused: bool = field(default=False, init=False)  # whether every form was refused, so that few are tried
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    @checked()
    def __init__(
        self,
        name: str,
        *,
        base_url: Union[str, Secret, None] = None,
        api_key: Union[str, Secret, None] = None,
        headers: Optional[Mapping[str, str]] = None,
        timeout: float = TIMEOUT,
        deadline: float = DEADLINE,
        temperature: Optional[float] = 0.0,
    ) -> None:
        # At once, because a traceback of an error below may show the variables.
        base_url, api_key, headers = Address.of(base_url), Secret.of(api_key), Concealed(headers)
        from gca_scanpy._llm.transport import Transport  # imports httpx, which only models need

        endpoint = endpoint_of(name, environment(), base_url=base_url, api_key=api_key, headers=headers)
        wire = WIRES[endpoint.wire]
        transport = Transport(endpoint, timeout=timeout, deadline=deadline)
        self.__attrs_init__(endpoint, wire, transport, Form(wire.modes[0], temperature, wire.limits(endpoint)[0]))

    @property
    def name(self) -> str:
        """``provider:model``, followed by ``@`` and the server if it is not the provider's own."""
        return self.endpoint.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def __reduce__(self) -> NoReturn:
        msg = "a LanguageModel cannot be pickled or copied, because it holds a key; create it where it is needed"
        raise TypeError(msg)

    @checked()
    def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any], gate: Optional[Gate] = None
    ) -> Completion:
        """Answer the messages with JSON that follows the JSON Schema.

        Parameters
        ----------
        gate
            Counts and limits the requests; None for a new gate without limits.

        Raises
        ------
        ModelError
            If there is no answer.
        InputError
            If the messages are no messages, or the schema is not a dict.
        """
        gate = gate or Gate()
        deadline = self.deadline(gate)
        while True:
            with suppress(TroubleError):
                return self.attempt(messages, schema, gate, deadline)

    def deadline(self, gate: Gate) -> Deadline:
        """The time limit of a question that starts now."""
        return Deadline(self._transport.deadline, gate.clock)

    def attempt(
        self, messages: Sequence[Message], schema: Mapping[str, Any], gate: Gate, deadline: Deadline
    ) -> Completion:
        """As :meth:`complete`, but a question that may be the cause of the failures is given up before its deadline.

        Raises
        ------
        ModelError
            If there is no answer. If it is a ``TroubleError``, several requests failed, and :meth:`attempt` may be
            called again with the same deadline.
        """
        form = self._form  # all forms of the question share the deadline
        while True:
            try:
                completion = self._send(messages, schema, form, gate, deadline)
            except UnsupportedError as error:
                is_too_long = isinstance(error, TooLongError)
                # A form that worked before is not the cause, unless the server names a part of it.
                only_named = is_too_long or self._has_worked
                limits = self.wire.limits(self.endpoint)
                next_form = simpler(form, error.detail, self.wire.modes, limits, only_named=only_named)
                if is_too_long and (next_form is None or next_form.limit == form.limit):
                    raise
                if next_form is None:
                    msg = f"{error}; the server refuses every form of the request"
                    self._is_refused = not self._has_worked
                    raise ModelError(str(error) if only_named else msg) from None
                form = self._simplest(next_form) if self._is_refused else next_form
                continue
            # Keep the form only after a success, because a request may be refused for a reason other than its form.
            with self._lock:
                self._form, self._has_worked = form, True
            return completion

    def check(self) -> str:
        """Request the list of models, once and free of charge; returns a short description of the response.

        Raises
        ------
        ModelError
            If the server does not answer, or does not accept the key.
        """
        try:
            return self._transport.check(self.wire.headers(self.endpoint))
        finally:
            self.close()

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        self._transport.close()

    def _simplest(self, form: Form) -> Form:
        """The last form that is tried."""
        limits = self.wire.limits(self.endpoint)
        following: Optional[Form] = form
        while following is not None:
            form, following = following, simpler(following, "", self.wire.modes, limits)
        return form

    def _send(
        self, messages: Sequence[Message], schema: Mapping[str, Any], form: Form, gate: Gate, deadline: Deadline
    ) -> Completion:
        if self.endpoint.is_self_run:  # a small model needs bounds in the schema, but not every service accepts them
            schema = prompt.bounded(schema)
        if form.mode != "schema":
            messages = prompt.with_schema(messages, schema)
        request = self.wire.request(self.endpoint, messages, schema, form)
        estimate = prompt.estimate(messages, prompt.count_clusters(schema))
        reply = self._transport.post(request, gate, estimate, deadline)
        usage = self.wire.usage(reply)
        gate.settle(estimate, usage.prompt, usage.completion)  # a reply that cannot be parsed costs tokens too
        return Completion(self.wire.text(reply), usage.prompt, usage.completion)


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


def completion_of(result: Any, model: ChatModel) -> Completion:
    """What the ``complete`` of a user's own model returned.

    Raises
    ------
    InputError
        If it is no completion: that is a defect of the model object, not an outage.
    """
    tokens = (getattr(result, "prompt_tokens", None), getattr(result, "completion_tokens", None))
    if isinstance(getattr(result, "text", None), str) and all(isinstance(count, int) for count in tokens):
        return cast(Completion, result)
    msg = (
        f"complete() of the model {model.name!r} returned {shown(result)}; it must return "
        "gca_scanpy.Completion(text, prompt_tokens, completion_tokens), whose text is the reply"
    )
    raise InputError(msg)


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
