"""The page of the plots: its pictures are there, and every plot is on it; tests/docs runs its code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gca_scanpy as gca

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "plots.md").read_text(encoding="utf-8")
LARGEST = 150_000  # bytes


def test_the_pictures_are_there_and_small():
    """Each picture of the page is a file of a size that a page can bear."""
    pictures = re.findall(r"!\[[^\]]{20,}\]\(([^)]+)\)", PAGE)
    assert len(pictures) == PAGE.count("![") == 10
    assert all(0 < (DOCS / picture).stat().st_size < LARGEST for picture in pictures)


@pytest.mark.parametrize("name", gca.pl.__all__)
def test_every_plot_is_on_the_page(name):
    """No plot is missing."""
    assert f"gca.pl.{name}(adata" in PAGE
