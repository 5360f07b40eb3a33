"""Threads that work on tasks, of which new ones may come up on the way."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar, Union

T = TypeVar("T")
R = TypeVar("R")
POLL = 0.2  # seconds in which an interrupt is noticed on every platform


class Crew(Generic[T, R]):
    """At most ``n_threads`` threads. They are daemons: one that waits for a server never keeps the program."""

    def __init__(self, work: Callable[[T], R], n_threads: int) -> None:
        self._work = work
        self._n_threads = n_threads
        self._threads: list[threading.Thread] = []
        self._todo: queue.SimpleQueue[Union[tuple[T], None]] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[T, Union[R, BaseException]]] = queue.SimpleQueue()
        self._pending = 0

    def submit(self, task: T) -> None:
        """Add a task; from the thread that reads :meth:`results` only."""
        self._pending += 1
        self._todo.put((task,))
        if len(self._threads) < min(self._n_threads, self._pending):
            thread = threading.Thread(target=self._run, name=f"gca-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def results(self) -> Iterator[tuple[T, Union[R, BaseException]]]:
        """Each task with what came of it, a result or an exception, as they come; ends when none is left."""
        while self._pending:
            try:
                found = self._done.get(timeout=POLL)
            except queue.Empty:
                continue
            self._pending -= 1
            yield found

    def ready(self) -> Iterator[tuple[T, Union[R, BaseException]]]:
        """What has come and was not read yet; waits for nothing."""
        while True:
            try:
                found = self._done.get_nowait()
            except queue.Empty:
                return
            self._pending -= 1
            yield found

    def dismiss(self) -> None:
        """Let the threads end once they are done with the task in hand."""
        for _ in self._threads:
            self._todo.put(None)

    def _run(self) -> None:
        while True:
            task = self._todo.get()
            if task is None:
                return
            try:
                outcome: Union[R, BaseException] = self._work(task[0])
            except BaseException as error:  # the reader decides what to make of it
                outcome = error
            self._done.put((task[0], outcome))
