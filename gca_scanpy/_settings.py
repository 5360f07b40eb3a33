"""Settings: an argument outranks ``settings.override``, which outranks the environment and then the default."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Callable, Optional

from attrs import Attribute, field, fields, frozen

from gca_scanpy._arguments import (
    BASE_URL,
    COUNT,
    FLAG,
    HEADERS,
    PATH,
    SECONDS,
    SHARE,
    TEXT,
    is_count,
    of_kind,
    optional,
)
from gca_scanpy._secrets import Address, Concealed, environment
from gca_scanpy.errors import InputError

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def _as_bool(text: str) -> bool:
    word = text.strip().lower()
    if word not in TRUE | FALSE:
        msg = "expected one of 1, 0, true, false, yes, no, on, off"
        raise ValueError(msg)
    return word in TRUE


def _as_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        msg = "expected a whole number"
        raise ValueError(msg) from None


def _as_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        msg = "expected a number"
        raise ValueError(msg) from None


def _as_path(value: Any) -> Optional[Path]:
    return Path(value).expanduser() if PATH.accepts(value) else value


def _as_headers(text: str) -> Concealed:
    try:
        headers = json.loads(text)
    except ValueError:
        headers = None
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        msg = 'expected a JSON object of texts, such as {"X-Team": "genomics"}'
        raise ValueError(msg)
    return Concealed(headers)


def _as_address(text: str) -> Address:
    return Address(text.strip())


def _conceal_headers(value: Any) -> Any:
    return HEADERS.seal(value)


def _conceal_address(value: Any) -> Any:
    return BASE_URL.seal(value)


# Their values may contain keys, so they are concealed before anything is done with them.
_CONCEALED = {"headers": _conceal_headers, "base_url": _conceal_address}


def _conceal(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _CONCEALED[name](value) if name in _CONCEALED else value for name, value in values.items()}


def _concealed(kind: str, *, or_none: bool = False) -> Callable[[Any, Attribute[Any], Any], None]:
    """A validator that does not show the value."""

    def validate(_: Any, attribute: Attribute[Any], value: Any) -> None:
        if not isinstance(value, (Concealed, Address)) and not (or_none and value is None):
            msg = f"{attribute.name} must be {kind}, not {value!r}"
            raise InputError(msg)

    return validate


def _env(name: str, parse: Callable[[str], Any], *older: str) -> dict[str, Any]:
    return {"env": (name, *older), "parse": parse}


_is_path = of_kind(optional(PATH))


@frozen(kw_only=True)
class Settings:
    """The settings, with the environment variable and the default of each.

    Attributes
    ----------
    min_support : int, default 2
        Number of marker genes of a cluster that must support its label (``GCA_MIN_SUPPORT``).
    force_unknown : bool, default True
        Whether the label of a flagged cluster becomes ``"Unknown or Novel"`` (``GCA_FORCE_UNKNOWN``).
    mixed_ratio : float, default 0.2
        A cluster counts as mixed from this ratio on: the evidence for a second, disjoint lineage divided by that for
        the first, 0 to 1 (``GCA_MIXED_RATIO``).
    certainty : float, default 0.6
        Probability that a label of the scorer must have, 0 to 1; if it has less, an ancestor is shown that has it
        (``GCA_CERTAINTY``). Lower values give finer labels, of which more are wrong.
    cache_dir : pathlib.Path or None, default None
        Folder of the stored answers of language models (``GCA_CACHE_DIR``). If None, the user's cache folder is used.
    marker_db_path : pathlib.Path or None, default None
        File of the marker database (``GCA_MARKER_DB_PATH``). If None, the bundled database.
    assets_home : pathlib.Path or None, default None
        Folder of downloaded marker tables (``GCA_ASSETS_HOME``, or the older ``GPT_CELL_ANNOTATOR_ASSETS_HOME``). If
        None, the user's data folder is used.
    model : str or None, default None
        Language model that is asked if a call names none, such as ``openai:gpt-4.1-mini`` (``GCA_MODEL``). If None,
        nothing is sent.
    base_url : str or None, default None
        Address of a server that is asked in place of the provider's (``GCA_BASE_URL``). It is shown without its
        password and its query.
    headers : dict of str, default {}
        Extra headers of requests to language models (``GCA_HEADERS``, as a JSON object). Their values are not shown.
    timeout : float, default 120.0
        Seconds without any received byte after which a request is sent again (``GCA_TIMEOUT``).
    deadline : float, default 300.0
        Seconds after which a question fails, including all its retries (``GCA_DEADLINE``).
    requests_per_minute : int or None, default None
        Most requests per minute to language models (``GCA_REQUESTS_PER_MINUTE``). If None, there is no limit.
    tokens_per_minute : int or None, default None
        Most tokens per minute that language models use (``GCA_TOKENS_PER_MINUTE``). If None, there is no limit.
    request_id : str or None, default None
        Id of the run in its report and its log (``GCA_REQUEST_ID``). If None, each run gets a new one.
    metrics_textfile : pathlib.Path or None, default None
        File to which each run writes Prometheus metrics (``GCA_METRICS_TEXTFILE``). If None, no file is written.
    """

    min_support: int = field(default=2, validator=is_count, metadata=_env("GCA_MIN_SUPPORT", _as_int))
    force_unknown: bool = field(default=True, validator=of_kind(FLAG), metadata=_env("GCA_FORCE_UNKNOWN", _as_bool))
    mixed_ratio: float = field(default=0.2, validator=of_kind(SHARE), metadata=_env("GCA_MIXED_RATIO", _as_float))
    certainty: float = field(default=0.6, validator=of_kind(SHARE), metadata=_env("GCA_CERTAINTY", _as_float))
    cache_dir: Optional[Path] = field(
        default=None, converter=_as_path, validator=_is_path, metadata=_env("GCA_CACHE_DIR", _as_path)
    )
    marker_db_path: Optional[Path] = field(
        default=None, converter=_as_path, validator=_is_path, metadata=_env("GCA_MARKER_DB_PATH", _as_path)
    )
    assets_home: Optional[Path] = field(
        default=None,
        converter=_as_path,
        validator=_is_path,
        metadata=_env("GCA_ASSETS_HOME", _as_path, "GPT_CELL_ANNOTATOR_ASSETS_HOME"),
    )
    model: Optional[str] = field(default=None, validator=of_kind(optional(TEXT)), metadata=_env("GCA_MODEL", str.strip))
    base_url: Optional[Address] = field(
        default=None,
        converter=_conceal_address,
        validator=_concealed("text", or_none=True),
        metadata=_env("GCA_BASE_URL", _as_address),
    )
    headers: Mapping[str, str] = field(
        factory=Concealed,
        converter=_conceal_headers,
        validator=_concealed("a dict of texts"),
        metadata=_env("GCA_HEADERS", _as_headers),
    )
    timeout: float = field(default=120.0, validator=of_kind(SECONDS), metadata=_env("GCA_TIMEOUT", _as_float))
    deadline: float = field(default=300.0, validator=of_kind(SECONDS), metadata=_env("GCA_DEADLINE", _as_float))
    requests_per_minute: Optional[int] = field(
        default=None, validator=of_kind(optional(COUNT)), metadata=_env("GCA_REQUESTS_PER_MINUTE", _as_int)
    )
    tokens_per_minute: Optional[int] = field(
        default=None, validator=of_kind(optional(COUNT)), metadata=_env("GCA_TOKENS_PER_MINUTE", _as_int)
    )
    request_id: Optional[str] = field(
        default=None, validator=of_kind(optional(TEXT)), metadata=_env("GCA_REQUEST_ID", str)
    )
    metrics_textfile: Optional[Path] = field(
        default=None, converter=_as_path, validator=_is_path, metadata=_env("GCA_METRICS_TEXTFILE", _as_path)
    )


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings that environment variables set.

    Raises
    ------
    InputError
        If the value of a variable cannot be parsed.
    """
    environ = Concealed(environ)  # a traceback that shows the variables of its frames must show no key
    values = {}
    for attribute in fields(Settings):
        name = next((n for n in attribute.metadata["env"] if environ.get(n, "").strip()), None)
        if name is None:
            continue
        try:
            values[attribute.name] = attribute.metadata["parse"](environ[name])
            problem = ""
        except ValueError as error:
            problem = str(error)
        if problem:  # outside the except block, whose traceback has the text of the variable
            shown = "not usable" if attribute.name in _CONCEALED else repr(environ[name])
            msg = f"the environment variable {name} is {shown}: {problem}"
            raise InputError(msg)
    return values


def _check_names(names: Iterable[str]) -> None:
    known = [attribute.name for attribute in fields(Settings)]
    unknown = sorted(set(names).difference(known))
    if unknown:
        msg = f"unknown setting: {', '.join(unknown)}; the settings are: {', '.join(known)}"
        raise InputError(msg)


class SettingsView:
    """``gca.settings``: the settings in force, as attributes of :class:`~gca_scanpy._settings.Settings`.

    Each setting is read when it is used: from ``with gca.settings.override(...)``, else from its environment variable,
    else it is the default.

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
        """Get the settings in force.

        Parameters
        ----------
        **arguments
            Settings that outrank all others, by name; those that are None are ignored.

        Returns
        -------
        Settings
            Frozen.

        Raises
        ------
        InputError
            If a value, or an environment variable, cannot be used.

        Examples
        --------
        >>> from gca_scanpy import settings
        >>> settings.current(min_support=4).min_support
        4
        """
        arguments = _conceal(arguments)
        values = from_environment(environment())
        values.update(self._overrides.get({}))
        values.update({name: value for name, value in arguments.items() if value is not None})
        _check_names(values)
        try:
            return Settings(**values)
        except InputError as error:
            msg = f"unusable setting: {error}"
            raise InputError(msg) from None

    @contextmanager
    def override(self, **values: Any) -> Iterator[Settings]:
        """Change settings for the code inside the ``with`` block, in this thread or task only.

        Parameters
        ----------
        **values
            Settings by name; for a setting that may be None, None undoes its environment variable.

        Yields
        ------
        Settings
            The settings in force inside the block.

        Raises
        ------
        InputError
            If a setting does not exist, or a value cannot be used.

        Examples
        --------
        >>> from gca_scanpy import settings
        >>> with settings.override(force_unknown=False) as current:
        ...     current.force_unknown
        False
        """
        values = _conceal(values)
        _check_names(values)
        token = self._overrides.set({**self._overrides.get({}), **values})
        try:
            yield self.current()
        finally:
            self._overrides.reset(token)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.current(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):  # an attribute of this object would have no effect on any run
            _check_names([name])
            variables = " or ".join(getattr(fields(Settings), name).metadata["env"])
            msg = f"settings.{name} cannot be set; write `with settings.override({name}=...):`, or set {variables}"
            raise InputError(msg)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return ["current", "override", *(attribute.name for attribute in fields(Settings))]

    def __repr__(self) -> str:
        return repr(self.current())


settings = SettingsView()
