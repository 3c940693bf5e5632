"""One BLAS thread for a while, whoever else is inside or limits threads at the same time."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from parlin import _threads
from parlin._threads import _Libraries, _Users, one_blas_thread


class OfProcess:
    """A BLAS with one number of threads for the process, which any thread may set."""

    def __init__(self) -> None:
        self.num_threads = 4

    def set_num_threads(self, number: int) -> None:
        self.num_threads = number


class Controlled(OfProcess):
    """The same where one thread alone may set the number, until it gives up control."""

    threading_layer = "pthreads"
    controller: threading.Thread | None = None

    def set_num_threads(self, number: int) -> None:
        if self.controller in (None, threading.current_thread()):
            self.controller, self.num_threads = threading.current_thread(), number

    def clear_controlling_thread(self) -> None:
        if self.controller is threading.current_thread():
            self.controller = None


class OfThreads(threading.local):
    """A BLAS with a number for each thread."""

    threading_layer = "openmp"
    num_threads = 4

    def set_num_threads(self, number: int) -> None:
        self.num_threads = number

    def clear_controlling_thread(self) -> None:
        pass


class Worker:
    """A thread that does what it is told, one call after the other."""

    def __init__(self) -> None:
        self.orders: queue.Queue = queue.Queue()
        self.answers: queue.Queue = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while (order := self.orders.get()) is not None:
            self.answers.put(order())

    def __call__(self, order: Callable[[], object]) -> object:
        self.orders.put(order)
        return self.answers.get(timeout=60)


@pytest.fixture(params=[OfProcess, Controlled, OfThreads])
def library(request, monkeypatch):
    library = request.param()
    parts = ([], [library]) if _threads._is_of_threads(library) else ([library], [])
    monkeypatch.setattr(_threads, "_libraries", lambda: _Libraries(*parts))
    return library


@pytest.fixture
def workers() -> Iterator[tuple[Worker, Worker]]:
    pair = Worker(), Worker()
    yield pair
    for worker in pair:
        worker.orders.put(None)


# -- interleavings, by events -----------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_number_stays_one_until_the_last_thread_has_left(library, workers, order):
    users, number = _Users(), lambda: library.num_threads
    for worker in workers:
        worker(users.enter)
        assert worker(number) == 1
    first, last = (workers[k] for k in order)
    first(users.leave)
    assert last(number) == 1
    last(users.leave)
    assert [worker(number) for worker in workers] == [4, 4] and number() == 4


def test_a_thread_may_be_inside_more_than_once(library, workers):
    users, number = _Users(), lambda: library.num_threads
    for action, expected in (("enter", 1), ("enter", 1), ("leave", 1), ("leave", 4)):
        workers[0](getattr(users, action))
        assert workers[0](number) == expected


@pytest.mark.parametrize("meanwhile", [2, 8])
def test_a_number_that_somebody_else_has_set_meanwhile_stays(library, workers, meanwhile):
    users, worker = _Users(), workers[0]
    worker(users.enter)
    worker(lambda: library.set_num_threads(meanwhile))
    worker(users.leave)
    assert worker(lambda: library.num_threads) == meanwhile
    worker(users.enter)
    assert worker(lambda: library.num_threads) == 1
    worker(users.leave)
    assert worker(lambda: library.num_threads) == meanwhile


def test_a_limit_of_another_library_that_ends_inside_is_not_brought_back(library, workers):
    users, worker = _Users(), workers[0]
    worker(lambda: library.set_num_threads(1))
    worker(users.enter)
    worker(lambda: library.set_num_threads(4))
    worker(users.leave)
    assert worker(lambda: library.num_threads) == 4


def test_a_number_that_could_not_be_restored_is_restored_the_next_time(monkeypatch, workers):
    # Another library takes control while we are inside, finds 1, and leaves 1 behind after us.
    library, users = Controlled(), _Users()
    monkeypatch.setattr(_threads, "_libraries", lambda: _Libraries([library], []))
    workers[0](users.enter)
    workers[1](lambda: library.set_num_threads(1))
    workers[0](users.leave)
    workers[1](library.clear_controlling_thread)
    assert library.num_threads == 1
    workers[0](users.enter)
    workers[0](users.leave)
    assert library.num_threads == 4 and library.controller is None


# -- the libraries that are there -------------------------------------------------------------------


def threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.mark.parametrize("number", [1, 2])
def test_blas_has_one_thread_inside_and_the_old_number_afterwards(number):
    with threadpool_limits(number, user_api="blas"):
        before = threads()
        with one_blas_thread():
            assert set(threads()) == {1}
        assert threads() == before
        with pytest.raises(ZeroDivisionError), one_blas_thread():
            raise ZeroDivisionError
        assert threads() == before


def test_every_thread_inside_sees_one_thread_of_blas_until_it_leaves(workers):
    with threadpool_limits(2, user_api="blas"):
        for library in _threads._libraries().of_process:
            _threads._set(library, 2)  # and gives up control
        before = threads()
        for worker in workers:
            worker(_threads._users.enter)
            assert set(worker(threads)) == {1}
        workers[0](_threads._users.leave)
        assert set(workers[1](threads)) == {1}
        workers[1](_threads._users.leave)
        assert threads() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("situation", ["outside", "inside", "while the lock is held"])
def test_a_child_forked_while_another_thread_is_inside_neither_hangs_nor_counts_it(situation, workers):
    workers[0](_threads._users.enter)
    contexts = {"outside": nullcontext(), "inside": one_blas_thread()}
    with contexts.get(situation) or _holding(_threads._users.lock):
        child = os.fork()
        if child == 0:
            threading.Timer(30, os._exit, [3]).start()
            own = _threads._users.own_count
            with one_blas_thread():
                inside = sum(_threads._users.inside.values())
            right = (inside, sum(_threads._users.inside.values())) == (own + 1, own)
            os._exit(0 if right else 4)
    workers[0](_threads._users.leave)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_child_forked_while_another_thread_is_inside_has_the_old_number_of_threads(workers):
    with threadpool_limits(2, user_api="blas"):
        for library in _threads._libraries().of_process:
            _threads._set(library, 2)
        before = threads()
        workers[0](_threads._users.enter)
        child = os.fork()
        if child == 0:
            threading.Timer(30, os._exit, [3]).start()
            os._exit(0 if threads() == before else 4)
        workers[0](_threads._users.leave)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_fork_in_the_midst_of_limiting_loses_no_number(monkeypatch):
    users = _Users()

    class Forking(OfProcess):
        def set_num_threads(self, number: int) -> None:
            super().set_num_threads(number)
            if number == 1:  # what the child sees that another thread forks here
                child = _Users()
                child.limited, child.inside = users.limited, dict(users.inside)
                child.forked()
                seen.append(self.num_threads)
                self.num_threads = 1

    library, seen = Forking(), []
    monkeypatch.setattr(_threads, "_libraries", lambda: _Libraries([library], []))
    users.enter()
    assert seen == [4]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", [1, 4])
def test_a_signal_while_the_number_is_set_leaves_nobody_inside(monkeypatch, number, after):
    class Interrupted(OfProcess):
        pending = True

        def set_num_threads(self, n: int) -> None:
            if after:
                super().set_num_threads(n)
            if n == number and self.pending:
                self.pending = False
                raise KeyboardInterrupt
            super().set_num_threads(n)

    library, users = Interrupted(), _Users()
    monkeypatch.setattr(_threads, "_libraries", lambda: _Libraries([library], []))
    monkeypatch.setattr(_threads, "_users", users)
    with pytest.raises(KeyboardInterrupt), one_blas_thread():
        pass
    assert not users.inside
    with one_blas_thread():
        assert library.num_threads == 1
    assert library.num_threads == 4


@contextmanager
def _holding(lock: threading.Lock) -> Iterator[None]:
    with lock:
        yield
