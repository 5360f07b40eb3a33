"""Reports to versioned JSON and back, and the JSON Schema of it."""

from __future__ import annotations

import collections.abc
import json
import math
from functools import lru_cache
from types import GenericAlias
from typing import Any, Literal, Optional, Union, get_args, get_origin, get_type_hints

from attrs import NOTHING, fields, has
from cattrs import Converter, transform_error

from gca_scanpy.errors import ReportError
from gca_scanpy.model import SCHEMA_VERSION, DatasetReport, Verdict

JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


@lru_cache(maxsize=1)
def _converter() -> Converter:
    converter = Converter()
    # Strict where cattrs is lenient: str(5) or float("x") would hide a damaged report.
    for kind, accepted in ((str, str), (bool, bool), (int, int), (float, (int, float))):
        converter.register_structure_hook(kind, _exactly(kind, accepted))
    converter.register_structure_hook_func(_is_tuple, _tuple_from_list)
    return converter


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _tuple_from_list(value: Any, kind: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):  # a text or an object can be iterated too
        msg = f"expected array, got {type(value).__name__}"
        raise TypeError(msg)
    items: Any = GenericAlias(list, get_args(kind)[:1])
    return tuple(_converter().structure(value, items))


def _exactly(kind: type, accepted: Any) -> Any:
    def structure(value: Any, _: type) -> Any:
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            msg = f"expected {JSON_TYPES[kind]}, got {type(value).__name__}"
            raise TypeError(msg)
        return kind(value)

    return structure


def to_dict(report: DatasetReport) -> dict[str, Any]:
    """The report as plain dictionaries, lists, strings and numbers."""
    # By way of JSON, so that tuples are lists as any other reader of the report would see them.
    plain: dict[str, Any] = json.loads(to_json(report))
    return plain


def to_json(report: DatasetReport, indent: int | None = None) -> str:
    """The report as JSON text; the same report gives the same text."""
    return json.dumps(_converter().unstructure(report), ensure_ascii=False, allow_nan=False, indent=indent)


def _finite(text: str) -> float:
    """A number that JSON can hold; Python reads 1e999 and NaN, and could not write them again."""
    value = float(text)
    if not math.isfinite(value):
        msg = f"{text[:20]} is not a number that JSON can hold"
        raise ValueError(msg)
    return value


def from_json(text: str) -> DatasetReport:
    """The report in a JSON text.

    Fields that this version does not know are passed over, so a report of a later minor version can be read.

    Raises
    ------
    ReportError
        Where the text is not JSON, is of another major schema version, or a field is missing or of the
        wrong type; the message names the path, such as ``$.clusters[2].status``.
    """
    try:
        data = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"the report is not JSON: {error}"
        raise ReportError(msg) from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if not isinstance(version, str):
        msg = "the report has no schema_version, so it was not written by this package"
        raise ReportError(msg)
    if version.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
        msg = (
            f"the report has schema version {version}, this package reads {SCHEMA_VERSION}; install a matching version"
        )
        raise ReportError(msg)
    try:
        return _converter().structure(data, DatasetReport)
    except Exception as error:  # cattrs raises groups of any error; all mean a damaged report
        msg = f"the report is damaged: {'; '.join(transform_error(error)[:3])}"
        raise ReportError(msg) from error


def has_decisions(text: str) -> bool:
    """Whether there is an audit trail in what may be a report as JSON; all else of it is passed over."""
    try:
        data = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return False
    return isinstance(data, dict) and bool(data.get("audit"))


def verdict_to_plain(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain dictionaries, lists, strings and numbers, for the cache."""
    plain: dict[str, Any] = json.loads(json.dumps(_converter().unstructure(verdict), allow_nan=False))
    return plain


def verdict_from_plain(value: Any) -> Optional[Verdict]:
    """The verdict that :func:`verdict_to_plain` wrote, or None where the value is something else."""
    try:
        return _converter().structure(value, Verdict)
    except Exception:  # cattrs raises groups of any error; all mean that it is no verdict
        return None


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the report, derived from the classes of :mod:`gca_scanpy.model`."""
    definitions: dict[str, Any] = {}
    root = _schema_of(DatasetReport, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gca-scanpy dataset report",
        "version": SCHEMA_VERSION,
        **root,
        "$defs": {name: definitions[name] for name in sorted(definitions)},
    }


def _schema_of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if kind in JSON_TYPES:
        return {"type": JSON_TYPES[kind]}
    if has(kind):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = {}  # a place holder, should a class ever hold itself
            definitions[kind.__name__] = _object_schema(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is Union:
        return {"anyOf": [{"type": "null"} if a is type(None) else _schema_of(a, definitions) for a in arguments]}
    if origin is tuple:
        return {"type": "array", "items": _schema_of(arguments[0], definitions)}
    if origin in (dict, collections.abc.Mapping):
        return {"type": "object", "additionalProperties": _schema_of(arguments[1], definitions)}
    msg = f"no JSON Schema for {kind!r}"
    raise TypeError(msg)


def _object_schema(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {
        "type": "object",
        "properties": {a.name: _schema_of(hints[a.name], definitions) for a in fields(kind)},
        "required": [a.name for a in fields(kind) if a.default is NOTHING],
    }
