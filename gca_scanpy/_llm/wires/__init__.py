"""The wire formats by name."""

from collections.abc import Mapping

from gca_scanpy._llm.wires.anthropic import Anthropic
from gca_scanpy._llm.wires.common import Form, Mode, Request, Wire, simpler
from gca_scanpy._llm.wires.gemini import Gemini
from gca_scanpy._llm.wires.openai import OpenAI

WIRES: Mapping[str, Wire] = {"openai": OpenAI(), "anthropic": Anthropic(), "gemini": Gemini()}

__all__ = ["WIRES", "Form", "Mode", "Request", "Wire", "simpler"]
