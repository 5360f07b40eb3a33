"""The JSON values in the text of a language model, whatever surrounds them; nothing that was cut off is completed."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, Optional

from gca_scanpy.errors import ReplyError

MAX_CHARACTERS = 2_000_000  # of a reply
MAX_DEPTH = 50  # nested brackets
# Some servers remove the opening tag, and the closing one is missing if the reply was cut inside a thought.
_TAG = r"(?:think(?:ing)?|thoughts?|reasoning|analysis|reflection|scratchpad)>"
_THOUGHT = re.compile(
    rf"^.*(?:</{_TAG}|<\|channel\|>final<\|message\|>)|<{_TAG}.*$|<\|channel\|>analysis.*$", re.DOTALL | re.IGNORECASE
)
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"|\'[^\'\\]*(?:\\.[^\'\\]*)*\''
_COMMENT = r"//[^\n]*|/\*.{0,300}?\*/|#[^\n]*"
# A bracket at which a JSON value may begin; those of a sentence, such as {1, 2} or [3], are passed over.
_OPENING = re.compile(r"\{(?=\s*(?:[\"'}]|//|/\*|\Z))|\[(?=\s*(?:[\[{\"'\]]|//|/\*|\Z))")
_TOKEN = re.compile(rf"{_STRING}|{_COMMENT}|[{{}}\[\]\"']", re.DOTALL)
_LOOSE = re.compile(rf"(?P<string>{_STRING})|(?P<comment>{_COMMENT})|\b(?P<name>None|True|False)\b", re.DOTALL)
# Words in which a model refuses to answer, so that a value is only an example, or takes back the value before them.
_APOSTROPHE = "['’]?"
_REFUSALS = (
    rf"\bI(?:{_APOSTROPHE}m| am) (?:unable|not able) to\b",
    rf"\bI (?:can ?not|can{_APOSTROPHE}t|will not|won{_APOSTROPHE}t) (?:answer|help|assist|provide|comply|do)\b",
)
_CORRECTIONS = (
    r"(?:^|[.!?\n])\W{0,20}(?:wait|oops|hmm+|actually)\b",
    r"(?:^|[.!?\n])\W{0,20}(?:correct(?:ion|ed)|revis(?:ion|ed)|edit|updated?|final answer|no|sorry)\b[\w ]{0,20}[,:]",
    r"\bscratch that\b",
    r"\bon second thought",
    r"\bshould have been\b",
    r"\b(?:ignore|disregard|discard) (?:the|this|that|my|it|above|previous)\b",
    r"\b(?:that|this|it|answers?|labels?|json)(?: above)? (?:is|are|was|were) (?:wrong|incorrect|a mistake)\b",
    r"\b(?:that|this|it|answers?|labels?|json)(?: above)? (?:is|are|was|were) not (?:right|correct)\b",
    r"\b(?:made|was) (?:an?|some) (?:mistake|error)",
)
_REFUSED = re.compile("|".join(_REFUSALS), re.IGNORECASE)
_WITHDRAWN = re.compile("|".join((*_REFUSALS, *_CORRECTIONS)), re.IGNORECASE)
_TRAILING_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
_QUOTED = re.compile(r"\\.|\"", re.DOTALL)
_NAMES = {"None": "null", "True": "true", "False": "false"}
_SMART_QUOTES = str.maketrans("“”„‟", '""""')


def read_values(text: Any) -> list[list[Any]]:
    """The JSON objects and lists of a reply, in runs: those of a run have nothing but white space or a comma between.

    Text around the values, thoughts and code fences are ignored. Comments, trailing commas, single quotes, Python's
    names, and curly instead of straight quotes are understood, because none of them can change a value.

    Raises
    ------
    ReplyError
        If there is no complete value; if one is incomplete or damaged after another that is whole, because it may be a
        correction of that one; or if words after the values take them back, or words around them refuse to answer.
    """
    if not isinstance(text, str) or not text.strip():
        msg = "the reply is empty"
        raise ReplyError(msg)
    if len(text) > MAX_CHARACTERS:
        msg = f"the reply has {len(text)} characters, more than the {MAX_CHARACTERS} that are allowed"
        raise ReplyError(msg)
    text = _plain(text)
    runs: list[list[Any]] = []
    position, start, opening = 0, 0, _OPENING.search(text)
    while opening:
        end = _end(text, opening.start())
        value = None if end is None else _value(text[opening.start() : end])
        if value is None and runs:
            msg = "the reply has another JSON value after its first, which is incomplete or damaged"
            raise ReplyError(msg)
        if end is None:
            break
        start = start if runs else opening.start()
        if value is not None and runs and not text[position : opening.start()].strip(" \t\r\n,;"):
            runs[-1].append(value)
        elif value is not None:
            runs.append([value])
        position, opening = end, _OPENING.search(text, end)
    if runs and (_WITHDRAWN.search(text[position:]) or _REFUSED.search(text[:start])):
        msg = "the reply takes its answer back, or refuses, in words"
        raise ReplyError(msg)
    if not runs:
        msg = f"the reply contains no complete JSON object; it begins with {text[:60]!r}"
        raise ReplyError(msg)
    return runs


def _plain(text: str) -> str:
    """The text without thoughts; if it is JSON as a whole, marks of thoughts inside its strings are part of it."""
    text = text.strip("\ufeff\x00 \t\r\n")
    if text.startswith('"'):  # JSON inside a JSON string
        text = _inner_text(text)
    if not (_OPENING.match(text) and _end(text, 0) == len(text)):
        text = _THOUGHT.sub("", text).strip()
    return text if '"' in text else text.translate(_SMART_QUOTES)


def _inner_text(text: str) -> str:
    try:
        inner = json.loads(text)
    except ValueError:
        return text
    return inner.strip() if isinstance(inner, str) else text


def _end(text: str, start: int) -> Optional[int]:
    """The position after the bracket that closes the one at ``start``; None if none does, or not in order."""
    expected = []
    for match in _TOKEN.finditer(text, start):
        token = match[0]
        if token in ("{", "["):
            expected.append("}" if token == "{" else "]")
            if len(expected) > MAX_DEPTH:
                return None
        elif token in ("}", "]"):
            if expected.pop() != token:
                return None
            if not expected:
                return match.end()
        elif token in ('"', "'"):  # a string without end
            return None
    return None


def _value(text: str) -> Any:
    """The value that the text is; None if it is no JSON in any of the understood spellings."""
    value = _decode(text)
    if value is None:
        value = _decode(_TRAILING_COMMA.sub(lambda match: match[1] or "", _LOOSE.sub(_strict, text)))
    # Replace lone surrogates, which no file can store.
    return _decode(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode())


def _strict(match: re.Match[str]) -> str:
    """A token of Python or JSON5 as JSON has it."""
    token = match[0]
    if match["comment"]:
        return " "
    if match["name"]:
        return _NAMES[token]
    return token if token[0] == '"' else f'"{_QUOTED.sub(_requote, token[1:-1])}"'


def _requote(match: re.Match[str]) -> str:
    """A quote or an escape of a text in single quotes, as it is in double quotes."""
    return {"\\'": "'", '"': '\\"'}.get(match[0], match[0])


def _decode(text: str) -> Any:
    """The value of strict JSON, or None; a line break inside a string is accepted."""
    with suppress(ValueError):
        return json.loads(text, object_pairs_hook=_unique_keys, parse_int=_number, strict=False)


def _number(text: str) -> float:
    return int(text) if len(text) < 30 else float(text)  # Python limits the digits of an int


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; raises if a key occurs twice, because its value would be ambiguous."""
    value = dict(pairs)
    if len(value) < len(pairs):
        msg = "a key occurs twice"
        raise ValueError(msg)
    return value
