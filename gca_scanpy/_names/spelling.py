"""How far two words are apart, to correct a slip of the keyboard and to suggest names."""

from __future__ import annotations

from collections.abc import Iterable


def distance(first: str, second: str) -> int:
    """The fewest letters to insert, delete, replace or swap with their neighbor to make one word of the other."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        two_before, before, row = before, row, [i]
        for j, other in enumerate(second, 1):
            steps = [before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other)]
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                steps.append(two_before[j - 2] + 1)
            row.append(min(steps))
    return row[-1]


def nearest(word: str, names: Iterable[str], n: int = 3) -> list[str]:
    """The ``n`` names that are most similar to a word; those of which less than half agrees are left out."""
    similar = [name for name in names if 2 * min(len(word), len(name)) >= max(len(word), len(name))]
    scored = [(distance(word, name) / max(len(word), len(name), 1), name) for name in similar]
    return [name for score, name in sorted(scored) if score <= 0.5][:n]
