"""Work in a thread of its own: how it ends."""

import threading

import pytest

from ragstone.app.ui.background import Background
from ragstone.errors import SourceError


class Steps(Background):
    """Takes a step whenever it is let."""

    def __init__(self, problem: Exception | None = None) -> None:
        super().__init__("steps", cancelled="Cancelled. Begin again.", broken="Broken. Look at the terminal.")
        self.problem = problem
        self.let = threading.Event()
        self.steps = 0

    def _work(self) -> None:
        for _ in range(2):
            self.let.wait(10)
            self._heed()
            if self.problem:
                raise self.problem
            self.steps += 1


def run(work: Steps, cancel: bool = False) -> Steps:
    work.start()
    assert not work.ended and not work.cancelling and not work.wait(0)
    if cancel:
        work.cancel()
        assert work.cancelling and not work.cancelled
    work.let.set()
    assert work.wait(10) and work.ended and not work.cancelling
    return work


def test_what_is_done_has_no_error():
    done = run(Steps())
    assert (done.steps, done.error, done.cancelled) == (2, "", False)


def test_what_is_cancelled_ends_at_its_next_step_and_says_how_to_go_on():
    ended = run(Steps(), cancel=True)
    assert (ended.steps, ended.error, ended.cancelled) == (0, "Cancelled. Begin again.", True)


def test_what_is_refused_says_why():
    refused = run(Steps(SourceError("it is gone", path="a.txt", remedy="Bring it back")))
    assert "Bring it back" in refused.error and not refused.cancelled


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_is_told_and_shown_in_the_terminal(monkeypatch: pytest.MonkeyPatch):
    shown: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda told: shown.append(told.exc_type))
    broken = run(Steps(ZeroDivisionError()))
    assert broken.error == "Broken. Look at the terminal." and not broken.cancelled
    for thread in threading.enumerate():
        if thread.name == "steps":
            thread.join()
    assert shown == [ZeroDivisionError]
