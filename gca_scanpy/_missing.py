"""What tables write if there is no value."""

from __future__ import annotations

# Spreadsheets write the words with #.
MISSING = frozenset(
    "|-|--|.|?|na|n/a|nan|nat|<na>|none|null|nil|missing|nd|n.d.|#n/a|#na|#div/0!|#num!|#value!|#ref!|#null!|#name?".split(
        "|"
    )
)


def is_missing(text: str) -> bool:
    """Whether a table writes this if there is no value."""
    return text.strip().casefold() in MISSING


def is_no_name(text: str) -> bool:
    """Whether a name is what tables write if there is no value: in any punctuation, numbered or not ("NA_1")."""
    letters = _letters(text)
    return bool(letters) and letters in _NO_NAMES


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum()).rstrip("0123456789")


_NO_NAMES = frozenset({*map(_letters, MISSING), "nacharacter"})  # R's missing text is NA_character_
