"""A language model behind an HTTP endpoint."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

from attrs import define, field

from gca_scanpy._llm import prompt
from gca_scanpy._llm.chat import Completion
from gca_scanpy._llm.endpoint import Endpoint, endpoint_of
from gca_scanpy._llm.failures import UnsupportedError
from gca_scanpy._llm.gate import Deadline, Gate
from gca_scanpy._llm.prompt import Message
from gca_scanpy._llm.wires import WIRES, Mode, Wire
from gca_scanpy.errors import InputError, ModelError

TIMEOUT, DEADLINE, ATTEMPTS = 120.0, 300.0, 6

if TYPE_CHECKING:
    from gca_scanpy._llm.transport import Transport


@define(eq=False, repr=False, init=False)
class LanguageModel:
    """A language model that is asked over HTTP.

    Parameters
    ----------
    name
        ``provider:model`` with the provider ``openai``, ``anthropic``, ``gemini``, ``ollama`` or ``openrouter``;
        with ``base_url`` a bare model name too. Any model name is passed on as it is.
    base_url
        Address of another server that speaks the provider's format (OpenAI's where none is named): vLLM,
        llama.cpp, LM Studio, Azure, an institution's gateway. Without a path, the usual one is added.
    api_key
        The key; where None, it is taken from the provider's usual environment variable, and for a server of
        no provider from ``GCA_API_KEY``. Local servers need none.
    headers
        Extra headers, such as a gateway wants.
    timeout
        Seconds without a byte after which a request is sent again.
    deadline
        Seconds after which a question is given up, with all its retries.
    temperature
        Sampling temperature; None leaves it to the server. Left out where a server does not take it, and with
        Anthropic, whose API has none.

    Raises
    ------
    InputError
        Where the name or the URL cannot be used, or the key is missing.

    Examples
    --------
    >>> from gca_scanpy import LanguageModel
    >>> LanguageModel("my-model", base_url="http://127.0.0.1:8080")
    LanguageModel('my-model@127.0.0.1:8080')
    """

    endpoint: Endpoint
    wire: Wire
    _transport: Transport
    _mode: Mode
    _temperature: Optional[float]
    _lock: threading.Lock = field(factory=threading.Lock)

    def __init__(
        self,
        name: str,
        *,
        base_url: Optional[str] = None,
        api_key: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = None,
        timeout: float = TIMEOUT,
        deadline: float = DEADLINE,
        temperature: Optional[float] = 0.0,
    ) -> None:
        for label, value in (("timeout", timeout), ("deadline", deadline)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
                msg = f"{label}={value!r} must be a number of seconds above 0"
                raise InputError(msg)
        from gca_scanpy._llm.transport import Transport  # httpx: for those who ask a model

        endpoint = endpoint_of(name, os.environ, base_url=base_url, api_key=api_key, headers=headers)
        wire = WIRES[endpoint.wire]
        transport = Transport(endpoint, timeout=timeout, deadline=deadline, attempts=ATTEMPTS)
        self.__attrs_init__(endpoint, wire, transport, wire.modes[0], temperature)

    @property
    def name(self) -> str:
        """``provider:model``, with the server where it is not the provider's own."""
        return self.endpoint.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any], gate: Optional[Gate] = None
    ) -> Completion:
        """Answer the messages with JSON of the given JSON Schema.

        Parameters
        ----------
        gate
            Counts and bounds what is sent; a new one without bounds where None.

        Raises
        ------
        ModelError
            Where there is no answer.
        """
        gate = gate or Gate()
        mode, temperature = self._mode, self._temperature
        deadline = Deadline(self._transport.deadline)  # one for all forms of the question
        while True:
            try:
                completion = self._ask(messages, schema, mode, temperature, gate, deadline)
            except UnsupportedError as error:
                if error.temperature and temperature is not None:
                    temperature = None
                elif self._lower(mode) is not None:
                    mode = self._lower(mode) or mode
                else:
                    msg = f"{error}; the request is refused in every form"
                    raise ModelError(msg) from None
                continue
            # Kept only once it worked: a request may be refused for another reason than its form.
            with self._lock:
                self._mode, self._temperature = mode, temperature
            return completion

    def _ask(
        self,
        messages: Sequence[Message],
        schema: Mapping[str, Any],
        mode: Mode,
        temperature: Optional[float],
        gate: Gate,
        deadline: Deadline,
    ) -> Completion:
        if self.endpoint.is_self_run:  # not every service's schemas know bounds; a small model needs them
            schema = prompt.bounded(schema)
        told = messages if mode == "schema" else prompt.with_schema(messages, schema)
        sent = self.wire.request(self.endpoint, told, schema, mode, temperature)
        estimate = prompt.estimate(told, prompt.asked_in(schema))
        reply = self._transport.post(sent, gate, estimate, deadline)
        used = self.wire.usage(reply)
        gate.settle(estimate, used.prompt, used.completion)  # a reply that cannot be read has its price too
        return Completion(self.wire.text(reply), used.prompt, used.completion)

    def _lower(self, mode: Mode) -> Optional[Mode]:
        modes = list(self.wire.modes)
        after = modes[modes.index(mode) + 1 :]
        return after[0] if after else None

    def check(self) -> str:
        """Ask the server for its list of models, once and free of charge; gives what came in a few words.

        Raises
        ------
        ModelError
            Where it does not answer, or does not accept the key.
        """
        try:
            return self._transport.check(self.wire.headers(self.endpoint))
        finally:
            self.close()

    def close(self) -> None:
        """Close the connections; the next question opens them again."""
        self._transport.close()
