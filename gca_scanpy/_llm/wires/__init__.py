"""The wire formats by name."""

from collections.abc import Mapping

from gca_scanpy._llm.wires.common import Form, Mode, Request, Wire, simpler
from gca_scanpy._llm.wires.formats import Anthropic, Gemini, OpenAI

WIRES: Mapping[str, Wire] = {"openai": OpenAI(), "anthropic": Anthropic(), "gemini": Gemini()}

__all__ = ["WIRES", "Form", "Mode", "Request", "Wire", "simpler"]
