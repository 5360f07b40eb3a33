"""Settings: an argument outranks ``settings.override``, which outranks the environment, which outranks the default."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Callable, Optional

from attrs import Attribute, field, fields, frozen
from attrs.validators import and_, ge, gt, instance_of, le, optional

from gca_scanpy.errors import InputError

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def _as_bool(text: str) -> bool:
    word = text.strip().lower()
    if word not in TRUE | FALSE:
        msg = "expected one of 1, 0, true, false, yes, no, on, off"
        raise ValueError(msg)
    return word in TRUE


def _as_path(value: Any) -> Optional[Path]:
    return None if value is None else Path(value).expanduser()


def _as_headers(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        msg = 'expected a JSON object of texts, such as {"X-Team": "genomics"}'
        raise ValueError(msg)
    return found


def _names_only(headers: Mapping[str, str]) -> str:
    """Headers for a repr: their values may be keys."""
    return f"{{{', '.join(f'{name!r}: ***' for name in headers)}}}"


def _count(_: Any, attribute: Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"'{attribute.name}' must be a whole number: {value!r}"
        raise TypeError(msg)


def _env(name: str, parse: Callable[[str], Any], *older: str) -> dict[str, Any]:
    return {"env": (name, *older), "parse": parse}


@frozen(kw_only=True)
class Settings:
    """What applies where a call does not say otherwise.

    Attributes
    ----------
    min_support
        Marker genes that a label needs among the cluster's genes (``GCA_MIN_SUPPORT``).
    force_unknown
        Whether the label of a flagged cluster becomes ``"Unknown or Novel"`` (``GCA_FORCE_UNKNOWN``).
    mixed_ratio
        Evidence of a second, disjoint lineage relative to the first from which a cluster counts as
        mixed, 0 to 1 (``GCA_MIXED_RATIO``).
    cache_dir
        Folder of the answer cache (``GCA_CACHE_DIR``); None is the user's cache folder.
    marker_db_path
        Marker table used in place of the bundled one (``GCA_MARKER_DB_PATH``).
    assets_home
        Folder of public marker tables (``GCA_ASSETS_HOME``, or the older
        ``GPT_CELL_ANNOTATOR_ASSETS_HOME``); None is the user's data folder.
    model
        Language model used where a call names none (``GCA_MODEL``), such as ``openai:gpt-4.1-mini``. None:
        nothing is ever sent.
    base_url
        Address of the server that is asked instead of the provider's (``GCA_BASE_URL``).
    headers
        Extra headers for that server (``GCA_HEADERS``, as a JSON object).
    timeout
        Seconds without a byte after which a request is sent again (``GCA_TIMEOUT``).
    deadline
        Seconds after which a question is given up with all its retries (``GCA_DEADLINE``).
    requests_per_minute
        Limit for a language model (``GCA_REQUESTS_PER_MINUTE``); None for none.
    tokens_per_minute
        Limit for a language model (``GCA_TOKENS_PER_MINUTE``); None for none.
    request_id
        Written into the report's provenance (``GCA_REQUEST_ID``); None makes a new one for each run.
    metrics_textfile
        File that Prometheus metrics are written to after each run (``GCA_METRICS_TEXTFILE``); None for none.
    """

    min_support: int = field(default=2, validator=[_count, ge(1)], metadata=_env("GCA_MIN_SUPPORT", int))
    force_unknown: bool = field(default=True, validator=instance_of(bool), metadata=_env("GCA_FORCE_UNKNOWN", _as_bool))
    mixed_ratio: float = field(
        default=0.2, converter=float, validator=[ge(0.0), le(1.0)], metadata=_env("GCA_MIXED_RATIO", float)
    )
    cache_dir: Optional[Path] = field(default=None, converter=_as_path, metadata=_env("GCA_CACHE_DIR", _as_path))
    marker_db_path: Optional[Path] = field(
        default=None, converter=_as_path, metadata=_env("GCA_MARKER_DB_PATH", _as_path)
    )
    assets_home: Optional[Path] = field(
        default=None,
        converter=_as_path,
        metadata=_env("GCA_ASSETS_HOME", _as_path, "GPT_CELL_ANNOTATOR_ASSETS_HOME"),
    )
    model: Optional[str] = field(
        default=None, validator=optional(instance_of(str)), metadata=_env("GCA_MODEL", str.strip)
    )
    base_url: Optional[str] = field(
        default=None, validator=optional(instance_of(str)), metadata=_env("GCA_BASE_URL", str.strip)
    )
    headers: Mapping[str, str] = field(
        factory=dict, validator=instance_of(dict), repr=_names_only, metadata=_env("GCA_HEADERS", _as_headers)
    )
    timeout: float = field(default=120.0, converter=float, validator=gt(0), metadata=_env("GCA_TIMEOUT", float))
    deadline: float = field(default=300.0, converter=float, validator=gt(0), metadata=_env("GCA_DEADLINE", float))
    requests_per_minute: Optional[int] = field(
        default=None, validator=optional(and_(_count, ge(1))), metadata=_env("GCA_REQUESTS_PER_MINUTE", int)
    )
    tokens_per_minute: Optional[int] = field(
        default=None, validator=optional(and_(_count, ge(1))), metadata=_env("GCA_TOKENS_PER_MINUTE", int)
    )
    request_id: Optional[str] = field(
        default=None, validator=optional(instance_of(str)), metadata=_env("GCA_REQUEST_ID", str)
    )
    metrics_textfile: Optional[Path] = field(
        default=None, converter=_as_path, metadata=_env("GCA_METRICS_TEXTFILE", _as_path)
    )


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings that environment variables state.

    Raises
    ------
    InputError
        Where a variable holds something else than its setting takes.
    """
    found = {}
    for attribute in fields(Settings):
        parse = attribute.metadata["parse"]
        name = next((n for n in attribute.metadata["env"] if environ.get(n, "").strip()), None)
        if name is not None:
            text = environ[name]
            try:
                found[attribute.name] = parse(text)
            except ValueError as error:
                shown = "not usable" if attribute.name == "headers" else repr(text)  # headers may hold a key
                msg = f"the environment variable {name} is {shown}: {error}"
                raise InputError(msg) from None
    return found


class SettingsView:
    """``gca.settings``: read it as attributes, change it inside ``with gca.settings.override(...)``.

    Examples
    --------
    >>> from gca_scanpy import settings
    >>> with settings.override(min_support=3):
    ...     settings.min_support
    3
    """

    def __init__(self) -> None:
        self._overrides: ContextVar[Mapping[str, Any]] = ContextVar("gca_scanpy_settings")

    def current(self, **arguments: Any) -> Settings:
        """The settings in force.

        Parameters
        ----------
        **arguments
            Settings that outrank all others; one that is None does not.

        Returns
        -------
        Settings
            Frozen.

        Raises
        ------
        InputError
            Where a value, or an environment variable, cannot be used.

        Examples
        --------
        >>> from gca_scanpy import settings
        >>> settings.current(min_support=4).min_support
        4
        """
        values = from_environment(os.environ)
        values.update(self._overrides.get({}))
        values.update({name: value for name, value in arguments.items() if value is not None})
        try:
            return Settings(**values)
        except (TypeError, ValueError) as error:
            msg = f"unusable setting: {error.args[0]}"
            raise InputError(msg) from error

    @contextmanager
    def override(self, **values: Any) -> Iterator[Settings]:
        """Settings for the code inside the ``with`` block, in this thread or task only.

        Parameters
        ----------
        **values
            Settings by their names.

        Yields
        ------
        Settings
            Those in force inside the block.

        Raises
        ------
        InputError
            Where there is no such setting, or a value cannot be used.

        Examples
        --------
        >>> from gca_scanpy import settings
        >>> with settings.override(force_unknown=False) as inside:
        ...     inside.force_unknown
        False
        """
        unknown = sorted(set(values) - {attribute.name for attribute in fields(Settings)})
        if unknown:
            msg = f"no such setting: {', '.join(unknown)}. There are: {', '.join(a.name for a in fields(Settings))}"
            raise InputError(msg)
        token = self._overrides.set({**self._overrides.get({}), **values})
        try:
            yield self.current()
        finally:
            self._overrides.reset(token)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.current(), name)

    def __dir__(self) -> list[str]:
        return ["current", "override", *(attribute.name for attribute in fields(Settings))]

    def __repr__(self) -> str:
        return repr(self.current())


settings = SettingsView()
