"""Reports as versioned JSON: writing, strict reading, and the JSON Schema."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any, Optional

import msgspec
from attrs import fields

from gca_scanpy._steps import Verdict
from gca_scanpy.errors import ReportError
from gca_scanpy.model import SCHEMA_VERSION, DatasetReport

# msgspec encodes keys as UTF-8 to compare them with the fields, which fails for half a surrogate pair.
_CANNOT_CONVERT = (msgspec.ValidationError, UnicodeEncodeError)


def to_dict(report: DatasetReport) -> dict[str, Any]:
    """The report as plain dictionaries, lists, strings and numbers."""
    return _plain(report)


def to_json(report: DatasetReport, indent: int | None = None) -> str:
    """The report as JSON text; equal reports give equal text.

    Raises
    ------
    ValueError
        If a number is NaN or infinite.
    """
    return json.dumps(report, default=_object, ensure_ascii=False, allow_nan=False, indent=indent)


def _object(value: Any) -> dict[str, Any]:
    """The fields of an object in the order of its class; msgspec would sort them by name."""
    return {name: getattr(value, name) for name in _names(value.__class__)}


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _plain(value: Any) -> dict[str, Any]:
    # By way of JSON, so that a tuple becomes the list that every other reader of the JSON sees.
    plain: dict[str, Any] = json.loads(json.dumps(value, default=_object, allow_nan=False))
    return plain


def _finite(text: str) -> float:
    """A number that JSON can hold: Python also reads 1e999 and NaN, but could not write them again."""
    value = float(text)
    if not math.isfinite(value):
        msg = f"{text[:20]} is not a number that JSON can hold"
        raise ValueError(msg)
    return value


def from_json(text: str) -> DatasetReport:
    """The report in a JSON text.

    Fields that this version does not know are ignored, so that a report of a later minor version can be read.

    Raises
    ------
    ReportError
        If the text is not JSON, has another major schema version, or a field is missing or of the wrong type; the
        message names the path, such as ``$.clusters[2].status``.
    """
    # Python's reader, because msgspec's refuses half surrogate pairs, which gene and cluster names can contain.
    try:
        data = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"the report is not JSON: {error}"
        raise ReportError(msg) from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if not isinstance(version, str):
        msg = "the report has no schema_version, so this package did not write it"
        raise ReportError(msg)
    if version.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
        msg = (
            f"the report has schema version {version}, this package reads {SCHEMA_VERSION}; install a matching version"
        )
        raise ReportError(msg)
    try:
        return msgspec.convert(data, DatasetReport)
    except _CANNOT_CONVERT as error:
        msg = f"the report is damaged: {error}"
        raise ReportError(msg) from error


class _Trail(msgspec.Struct):
    """The only field that is read of a report: msgspec skips the others ten times as fast as json reads them."""

    audit: Any = None


def has_decisions(text: str) -> bool:
    """Whether a text is the JSON of a report with an audit trail; nothing else in it is checked."""
    try:
        return bool(msgspec.json.decode(text, type=_Trail).audit)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return False


def verdict_to_plain(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain dictionaries, lists, strings and numbers, for the cache."""
    return _plain(verdict)


def verdict_from_plain(value: Any) -> Optional[Verdict]:
    """The verdict that :func:`verdict_to_plain` wrote, or None if the value is something else."""
    try:
        return msgspec.convert(value, Verdict)
    except _CANNOT_CONVERT:
        return None


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the report, derived from the classes of :mod:`gca_scanpy.model`."""
    schema = msgspec.json.schema(DatasetReport)
    definitions = schema.pop("$defs")
    for definition in definitions.values():
        definition["description"] = definition["description"].partition("\n\n")[0]  # without the sections of numpydoc
    plain: dict[str, Any] = json.loads(
        json.dumps(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "title": "gca-scanpy dataset report",
                "version": SCHEMA_VERSION,
                **schema,
                "$defs": {name: definitions[name] for name in sorted(definitions)},
            }
        )
    )
    return plain
