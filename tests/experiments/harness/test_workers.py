"""A process may die at any moment: what it was doing is lost, and nothing else."""

from __future__ import annotations

import os
import pickle
import signal
import struct
import time

import pytest

from experiments.harness import workers


def _square(number: int) -> int:
    return number**2


def _die_in_two(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return _square(number)


def _answer_by_halves(number: int) -> int | _Broken:
    return _Broken() if number == 2 else _square(number)


class _Broken:
    """What arrives cannot be unpickled, although all of it arrives."""

    def __reduce__(self):
        return (_refuse, ())


def _refuse() -> None:
    if os.environ.get("PARLIN_TEST_PARENT") == str(os.getpid()):
        raise pickle.UnpicklingError("half a message")


def _break_off(number: int) -> int:
    """In place of the result of 2, a message that ends before it is whole."""
    if number == 2:
        pipe = next(fd for fd in range(3, 64) if _is_pipe(fd))
        os.write(pipe, struct.pack("!i", 1000) + b"only this")
        os.kill(os.getpid(), signal.SIGKILL)
    return _square(number)


def _is_pipe(fd: int) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
    except OSError:
        return False


def _leave_a_child(number: int) -> int:
    if number == 2:
        if os.fork() == 0:
            time.sleep(5)  # it holds the pipe of its parent open
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)
    return _square(number)


def results(events) -> dict[int, object]:
    return {job: result for job, result in events if result is not None}


def test_workers_finish_every_job():
    events = list(workers.run(_square, [1, 2, 3], n_workers=2))
    assert results(events) == {1: 1, 2: 4, 3: 9}
    assert [job for job, result in events if result is None] == [1, 2, 3]


@pytest.mark.parametrize("work", [_die_in_two, _leave_a_child])
@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_death_at_work_loses_that_job_alone(work, n_workers):
    found = results(workers.run(work, [1, 2, 3], n_workers))
    assert found == {1: 1, 2: workers.WorkerDied(-signal.SIGKILL), 3: 9}
    assert "killed by SIGKILL" in str(found[2])


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="the pipe is found there")
def test_half_a_message_is_a_death():
    assert results(workers.run(_break_off, [1, 2, 3], 1)) == {
        1: 1,
        2: workers.WorkerDied(-signal.SIGKILL),
        3: 9,
    }


def test_what_cannot_be_unpickled_is_a_death(monkeypatch):
    monkeypatch.setenv("PARLIN_TEST_PARENT", str(os.getpid()))
    found = results(workers.run(_answer_by_halves, [1, 2, 3], 1))
    assert isinstance(found.pop(2), workers.WorkerDied) and found == {1: 1, 3: 9}


def test_a_death_before_the_work_loses_nothing(monkeypatch):
    started, born = [], workers._Worker.__init__

    def start(worker, work):
        born(worker, work)
        started.append(worker)
        if len(started) < workers.IN_VAIN:
            worker.process.kill()
            if len(started) % 2:
                worker.process.join()  # then handing it work fails, too

    monkeypatch.setattr(workers._Worker, "__init__", start)
    events = list(workers.run(_square, [1, 2, 3], n_workers=1))
    assert results(events) == {1: 1, 2: 4, 3: 9}
    assert [job for job, result in events if result is None] == [1, 2, 3]
    assert len(started) == workers.IN_VAIN


def test_a_death_while_waiting_loses_nothing():
    events = workers.run(_square, [1, 2, 3], n_workers=1)
    found = []
    for _, result in events:
        if result is not None:
            found.append(result)
            for worker in events.gi_frame.f_locals["idle"]:
                worker.process.kill()
                worker.process.join()
    assert found == [1, 4, 9]


def test_where_no_process_lives_every_job_says_so(monkeypatch):
    def kill(worker, job):
        worker.job = job
        worker.process.kill()

    monkeypatch.setattr(workers._Worker, "hand", kill)
    found = results(workers.run(_square, [1, 2], n_workers=1))
    assert list(found) == [1, 2]
    assert all("processes in a row died" in str(result) for result in found.values())
