"""Wall time of the steps of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Optional

from gca_scanpy import _log


class Clock:
    """Seconds by step, those of earlier steps included; each step is told at its end."""

    def __init__(self, seconds: Optional[Mapping[str, float]] = None) -> None:
        self.seconds = dict(seconds or {})

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what is inside the ``with`` block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - start, 4)
            _log.debug("step", step=name, seconds=self.seconds[name])
