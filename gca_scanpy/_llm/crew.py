"""A pool of threads; tasks may be added while the results of earlier ones are read."""

from __future__ import annotations

import contextvars
import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, Optional, TypeVar, Union

T = TypeVar("T")
R = TypeVar("R")
FIRST, NEXT, LAST = range(3)  # order of the tasks
POLL = 0.2  # seconds after which Ctrl-C takes effect on every platform


class Crew(Generic[T, R]):
    """At most ``n_threads`` threads. They are daemons: one that waits for a server does not keep the program alive."""

    def __init__(self, work: Callable[[T], R], n_threads: int) -> None:
        self._work = work
        self._n_threads = n_threads
        self._threads: list[threading.Thread] = []
        # Ordered by the two numbers, the second of which no other entry has. None ends a thread.
        self._todo: queue.PriorityQueue[tuple[int, int, Optional[tuple[T]]]] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._done: queue.SimpleQueue[tuple[T, Union[R, BaseException]]] = queue.SimpleQueue()
        self._pending = 0

    def submit(self, task: T, *, first: bool = False) -> None:
        """Add a task; one that is ``first`` is worked on before the others that wait.

        Only the thread that reads :meth:`results` may call this.
        """
        self._pending += 1
        self._todo.put((FIRST if first else NEXT, next(self._numbers), (task,)))
        if len(self._threads) < min(self._n_threads, self._pending):
            run = contextvars.copy_context().run  # log lines of the thread keep the request id of the run
            thread = threading.Thread(target=run, args=(self._run,), name=f"gca-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def results(self) -> Iterator[tuple[T, Union[R, BaseException]]]:
        """Each finished task with its result or its exception, until no task is left."""
        while self._pending:
            try:
                finished = self._done.get(timeout=POLL)
            except queue.Empty:
                continue
            self._pending -= 1
            yield finished

    def ready(self) -> Iterator[tuple[T, Union[R, BaseException]]]:
        """Finished tasks that were not read yet, without waiting for others."""
        while True:
            try:
                finished = self._done.get_nowait()
            except queue.Empty:
                return
            self._pending -= 1
            yield finished

    def dismiss(self) -> None:
        """Let each thread end after its current task."""
        for _ in self._threads:
            self._todo.put((LAST, next(self._numbers), None))

    def _run(self) -> None:
        while True:
            _, _, task = self._todo.get()
            if task is None:
                return
            try:
                outcome: Union[R, BaseException] = self._work(task[0])
            except BaseException as error:  # the reader decides what to do with it
                outcome = error
            self._done.put((task[0], outcome))
