"""Requests take turns after a server refused some for its rate."""

import threading

import pytest

from gca_scanpy._llm.failures import LateError, TransientError
from gca_scanpy._llm.gate import Deadline, Gate, Throttle
from gca_scanpy.errors import ModelError


class Clock:
    """A time that only waits move."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        """Give the time."""
        return self.now


@pytest.fixture
def gate_of_time(monkeypatch):
    """A gate whose waits move its clock."""
    gate = Gate(clock=Clock())
    monkeypatch.setattr(Gate, "sleep", lambda self, seconds: setattr(self.clock, "now", self.clock.now + seconds))
    return gate


def take(turns, gate, error=None, seconds=100.0):
    """Take a turn that fails with an error; gives the time at which the request was sent."""
    deadline = Deadline(seconds, gate.clock)
    deadline.begin()
    try:
        with turns.turn(gate, deadline):
            sent = gate.clock()
            if error is not None:
                raise error
    except TransientError:
        pass
    return sent


def refusal(retry_after=None):
    """Make an error for a request that is one too many."""
    return TransientError("429", "rate", retry_after)


def test_after_a_refusal_all_wait(gate_of_time):
    """The next request, of whichever question, is sent after the wait that the server asks for."""
    turns = Throttle(lambda failures: failures)
    assert take(turns, gate_of_time, refusal(7.0)) == 0
    assert take(turns, gate_of_time) == 7
    assert take(turns, gate_of_time) == 7


def test_refusals_in_a_row_make_the_wait_longer(gate_of_time):
    """Without a word of the server the wait grows, over all questions, until a request succeeds."""
    turns = Throttle(lambda failures: float(2**failures))
    assert [take(turns, gate_of_time, refusal()) for _ in range(4)] == [0, 2, 6, 14]
    assert take(turns, gate_of_time) == 30
    assert take(turns, gate_of_time, refusal()) == 30
    assert take(turns, gate_of_time) == 32


@pytest.mark.parametrize("error", [TransientError("500", "fault"), TransientError("503", "busy", 9.0)])
def test_other_failures_hold_nobody_back(gate_of_time, error):
    """A failure that has nothing to do with a rate changes nothing for the other questions."""
    turns = Throttle(lambda failures: failures)
    take(turns, gate_of_time, error)
    assert take(turns, gate_of_time) == 0


def test_more_requests_with_each_success():
    """After a refusal one request may be open, and one more after each that succeeds."""
    turns, gate, most, counts = Throttle(lambda _: 0.0), Gate(), [], []
    take(turns, gate, refusal())
    lock, start = threading.Lock(), threading.Barrier(4)

    def work():
        start.wait(timeout=30)
        deadline = Deadline(30.0)
        with turns.turn(gate, deadline):
            with lock:
                counts.append(1)
                most.append(len(counts))
            gate.sleep(0.02)
            with lock:
                counts.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert most[0] == 1
    assert most[1] <= 2
    assert len(most) == 4


def test_a_turn_that_comes_too_late(gate_of_time):
    """A question whose deadline passes while it waits fails because of the rate."""
    turns = Throttle(lambda failures: failures)
    take(turns, gate_of_time, refusal(60.0))
    with pytest.raises(LateError, match="allows too few requests") as caught:
        take(turns, gate_of_time, seconds=5.0)
    assert caught.value.cause == "rate"
    assert gate_of_time.clock() == 5


def test_a_stopped_run_does_not_wait():
    """If the run is stopped, a turn is given at once, and the gate refuses the request."""
    turns, gate = Throttle(lambda failures: failures), Gate()
    take(turns, gate, refusal(1e6))
    gate.stop.set()
    deadline = Deadline(1e7)
    with pytest.raises(ModelError, match="stopped"), turns.turn(gate, deadline), gate.request(1):
        pass
