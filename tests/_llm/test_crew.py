"""Threads that work on tasks."""

from __future__ import annotations

import threading

from gca_scanpy._llm.crew import Crew


def test_every_task_comes_back_once():
    """Results and exceptions come with their tasks, also of tasks that came up on the way."""

    def work(n):
        if n % 5 == 0:
            raise ValueError(n)
        return n * n

    crew = Crew(work, 4)
    for n in range(20):
        crew.submit(n)
    found = {}
    for task, outcome in crew.results():
        found[task] = outcome
        if task < 20 and task % 2:
            crew.submit(task + 100)
    crew.dismiss()
    assert sorted(found) == [*range(20), *range(101, 120, 2)]
    assert all(isinstance(found[n], ValueError) if n % 5 == 0 else found[n] == n * n for n in found)


def test_no_more_threads_than_asked():
    """Never more than n_threads at work, and none for which there is nothing to do."""
    now, most, lock, enough = [0], [0], threading.Lock(), threading.Barrier(3)

    def work(_):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        enough.wait(timeout=30)
        with lock:
            now[0] -= 1

    crew = Crew(work, 3)
    for n in range(9):
        crew.submit(n)
    assert len(list(crew.results())) == 9
    assert most[0] == 3
    crew.dismiss()
    assert len(Crew(work, 8)._threads) == 0


def test_what_is_ready_is_read_without_waiting():
    """What came and was not read is there; what is still under way is not waited for."""
    go, came = threading.Event(), threading.Event()

    def work(n):
        if n:
            go.wait(timeout=30)
        else:
            came.set()
        return n

    crew = Crew(work, 2)
    crew.submit(0)
    crew.submit(1)
    assert came.wait(timeout=30)
    first = next(iter(crew.results()))
    assert first == (0, 0)
    assert list(crew.ready()) == []
    go.set()
    assert list(crew.results()) == [(1, 1)]
    crew.dismiss()


def test_a_task_that_is_first():
    """A task that is to be first is worked on before those that wait, in the order of such tasks."""
    begun, go, done = threading.Event(), threading.Event(), []

    def work(n):
        begun.set()
        go.wait(timeout=30)
        done.append(n)

    crew = Crew(work, 1)
    crew.submit(0)
    begun.wait(timeout=30)
    for n, first in ((1, False), (2, False), (3, True), (4, True)):
        crew.submit(n, first=first)
    go.set()
    assert [task for task, _ in crew.results()] == done == [0, 3, 4, 1, 2]
    crew.dismiss()
