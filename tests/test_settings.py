"""Settings: argument over override over environment over default."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._settings import Settings, SettingsView, from_environment, settings
from gca_scanpy.errors import InputError


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("GCA_", "GPT_CELL_ANNOTATOR_")):
            monkeypatch.delenv(name)


def test_defaults():
    """By default a label needs two genes, and only a supported label stands."""
    current = settings.current()
    assert current == Settings()
    assert (current.min_support, current.force_unknown) == (2, True)
    assert (current.cache_dir, current.marker_db_path, current.request_id) == (None, None, None)


layers = st.none() | st.integers(1, 99)


@given(argument=layers, override=layers, environment=layers)
def test_precedence(argument, override, environment):
    """An argument outranks an override, which outranks the environment, which outranks the default."""
    view = SettingsView()
    with pytest.MonkeyPatch.context() as patch:
        if environment is not None:
            patch.setenv("GCA_MIN_SUPPORT", str(environment))
        with view.override(**({} if override is None else {"min_support": override})):
            min_support = view.current(min_support=argument).min_support
    assert min_support == next(v for v in (argument, override, environment, 2) if v is not None)


def test_an_override_ends_with_its_block():
    """Inner overrides add to outer ones, and all are gone afterwards, also after an error."""
    with settings.override(min_support=5):
        with settings.override(mixed_ratio=0.25):
            assert (settings.min_support, settings.mixed_ratio) == (5, 0.25)
        assert (settings.min_support, settings.mixed_ratio) == (5, Settings().mixed_ratio)
    with pytest.raises(ZeroDivisionError), settings.override(min_support=7):
        raise ZeroDivisionError
    with pytest.raises(InputError), settings.override(min_support=0):
        pass
    assert settings.min_support == 2


def test_an_override_stays_in_its_thread():
    """Two analyses in two threads do not change each other's settings."""
    with settings.override(min_support=9), ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: settings.min_support).result() == 2


def test_an_override_with_none_returns_to_the_default(monkeypatch):
    """``override(request_id=None)`` undoes what the environment says."""
    monkeypatch.setenv("GCA_REQUEST_ID", "run-1")
    assert settings.request_id == "run-1"
    with settings.override(request_id=None):
        assert settings.request_id is None


@pytest.mark.parametrize(
    ("name", "text", "setting", "value"),
    [
        ("GCA_MIN_SUPPORT", " 4 ", "min_support", 4),
        ("GCA_FORCE_UNKNOWN", "Off", "force_unknown", False),
        ("GCA_FORCE_UNKNOWN", "YES", "force_unknown", True),
        ("GCA_MIXED_RATIO", "0.75", "mixed_ratio", 0.75),
        ("GCA_CACHE_DIR", "~/answers", "cache_dir", Path("~/answers").expanduser()),
        ("GCA_MARKER_DB_PATH", "own.tsv", "marker_db_path", Path("own.tsv")),
        ("GCA_REQUEST_ID", "run 7", "request_id", "run 7"),
        ("GCA_MIN_SUPPORT", "  ", "min_support", 2),
    ],
)
def test_environment_variables(monkeypatch, name, text, setting, value):
    """Each setting can be made in the environment; an empty variable is one that is not set."""
    monkeypatch.setenv(name, text)
    assert getattr(settings, setting) == value


def test_the_older_name_of_a_variable(monkeypatch):
    """The older name of the folder of marker tables is read if the newer is not set."""
    monkeypatch.setenv("GPT_CELL_ANNOTATOR_ASSETS_HOME", "older")
    assert settings.assets_home == Path("older")
    monkeypatch.setenv("GCA_ASSETS_HOME", "newer")
    assert settings.assets_home == Path("newer")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("GCA_MIN_SUPPORT", "two", "a whole number"),
        ("GCA_FORCE_UNKNOWN", "maybe", "one of 1, 0, true, false"),
        ("GCA_MIXED_RATIO", "half", "a number"),
        ("GCA_TIMEOUT", "1 min", "a number"),
    ],
)
def test_an_unreadable_variable_is_named_with_its_value(name, text, expected):
    """The error names the variable, its value, and what is expected."""
    with pytest.raises(InputError, match=f"{name} is '{text}': expected {expected}"):
        from_environment({name: text})


@pytest.mark.parametrize("text", ["Bearer sk-live-0123456789", '["sk-live-0123456789"]', '{"X-Key": 123456789}'])
def test_unreadable_headers_are_not_shown(text):
    """Headers hold keys: the error names the variable and the form, and nothing of what it holds."""
    with pytest.raises(InputError, match=r"GCA_HEADERS.*JSON object of texts") as caught:
        from_environment({"GCA_HEADERS": text})
    assert "123456789" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"min_support": 0},
        {"min_support": "3"},
        {"min_support": True},
        {"mixed_ratio": 1.5},
        {"mixed_ratio": float("nan")},
        {"mixed_ratio": "half"},
        {"force_unknown": 1},
        {"request_id": 7},
    ],
)
def test_an_unusable_value_is_refused(values):
    """A value outside its range or of another type is an InputError before anything runs."""
    with pytest.raises(InputError, match="unusable setting"):
        settings.current(**values)


@pytest.mark.parametrize("folder", ["~/answers", Path("~/answers")])
def test_folders_may_be_text(folder):
    """A folder given as text is the same folder as one given as a Path, with ``~`` as home."""
    with settings.override(cache_dir=folder, marker_db_path=str(folder)):
        assert settings.cache_dir == Path("~/answers").expanduser()
        assert settings.marker_db_path == Path("~/answers").expanduser()


def test_an_unknown_setting_lists_those_there_are():
    """A misspelt setting names itself and all settings."""
    with (
        pytest.raises(InputError, match=r"unknown setting: minsupport; the settings are: min_support, .*request_id"),
        settings.override(minsupport=3),
    ):
        pass
    with pytest.raises(AttributeError):
        _ = settings.minsupport


def test_completion_shows_every_setting():
    """``dir(settings)`` and ``repr(settings)`` name all settings."""
    names = {attribute.name for attribute in fields(Settings)}
    assert names < set(dir(settings))
    assert all(f"{name}=" in repr(settings) for name in names)
