"""Processes that work through a list of jobs, one job at a time each, and never outlive their parent."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

# A fresh interpreter is the only way to start that is safe with threads running and the same on every system.
_CONTEXT = multiprocessing.get_context("spawn")
_BEGUN = "begun"
# A process that dies before it begins a job is replaced; where so many in a row do, no other would live.
IN_VAIN = 5


@dataclass(frozen=True)
class WorkerDied:
    """Stands for the result of a job whose process ended before it had one.

    Parameters
    ----------
    exit_code : int or None
        As of `multiprocessing.Process`: minus the number of the signal that killed it.
    begun : bool
        Whether it had begun the job.
    """

    exit_code: int | None
    begun: bool = True

    def __str__(self) -> str:
        if self.exit_code is not None and self.exit_code < 0:
            with contextlib.suppress(ValueError):
                how = f"was killed by {signal.Signals(-self.exit_code).name}"
                return self._sentence(f"{how} (exit code {self.exit_code})")
        return self._sentence(f"ended early, with exit code {self.exit_code}")

    def _sentence(self, how: str) -> str:
        if self.begun:
            return f"its process died before it had a result: it {how}"
        return f"{IN_VAIN} processes in a row died before they could begin it; the last one {how}"


class _Worker:
    """A process and our end of its pipe; whatever comes over the pipe may be broken off anywhere."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self.connection, theirs = _CONTEXT.Pipe()
        self.process: BaseProcess = _CONTEXT.Process(target=_serve, args=(theirs, work), daemon=True)
        self.job: Any = None
        self.begun = self.proven = False
        with contextlib.suppress(OSError):  # the process may be dead already
            self.process.start()
        # Our copy must go, or the end of the process would not show as the end of the pipe.
        theirs.close()

    @property
    def dead(self) -> bool:
        return self.process.pid is None or not self.process.is_alive()

    def hand(self, job: Any) -> None:
        """Give it a job; that this comes to nothing shows as the end of the pipe."""
        self.job, self.begun = job, False
        with contextlib.suppress(OSError):
            self.connection.send(job)

    def receive(self) -> Any:
        """What it says, or `WorkerDied` in place of what it can no longer say."""
        try:
            if self.connection.poll():
                return self.connection.recv()
        except Exception:  # half a message fails in any way that unpickling can
            pass
        return WorkerDied(self.end(patience=10.0), self.begun)

    def end(self, patience: float = 0.0) -> int | None:
        """End the process, after a while in which it may end by itself, and return its exit code."""
        self.connection.close()
        if self.process.pid is None:
            return None
        self.process.join(patience)
        self.process.kill()
        self.process.join()
        return self.process.exitcode


def run(work: Callable[[Any], Any], jobs: Sequence[Any], n_workers: int) -> Iterator[tuple[Any, Any]]:
    """Yield ``(job, None)`` when a job starts and ``(job, result)`` when it ends, in the order it happens.

    Parameters
    ----------
    work : callable
        A function of a module, so that another process can import it; its result must pickle.
    jobs : sequence
        What `work` is called with.
    n_workers : int
        How many jobs run at once, at least 1.

    Yields
    ------
    tuple
        The result of a job whose process died while it ran is `WorkerDied`; the other jobs go on.

    Notes
    -----
    A process says so before it begins a job: one that dies earlier has lost nothing, and another process
    gets the job.  Closing the generator ends the processes.  A parent that is killed takes them along.
    """
    waiting, in_vain = list(jobs), 0
    busy: dict[Connection, _Worker] = {}
    idle: list[_Worker] = []
    again: list[Any] = []
    try:
        while waiting or busy:
            while waiting and len(busy) < n_workers:
                job = waiting.pop(0)
                worker = idle.pop() if idle else _Worker(work)
                worker.hand(job)
                busy[worker.connection] = worker
                if job in again:
                    again.remove(job)
                else:
                    yield job, None
            speaking = wait(list(busy), timeout=1.0)
            # A process of its own can hold the pipe of a worker open that is dead.
            silent = [each for each in busy if each not in speaking and busy[each].dead]
            for connection in [*speaking, *silent]:
                worker = busy[connection]
                said = worker.receive()
                if isinstance(said, str) and said == _BEGUN and not worker.begun:
                    worker.begun, worker.proven, in_vain = True, True, 0
                    continue
                del busy[connection]
                if not isinstance(said, WorkerDied):
                    idle.append(worker)
                elif not said.begun:
                    # One that has served before died while it waited, which says nothing about others.
                    in_vain += not worker.proven
                    if in_vain < IN_VAIN:
                        again.append(worker.job)
                        waiting.insert(0, worker.job)
                        continue
                yield worker.job, said
    finally:
        for worker in [*idle, *busy.values()]:
            worker.end()


def _serve(connection: Connection, work: Callable[[Any], Any]) -> None:
    # Ctrl-C reaches the whole group of processes; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            job = connection.recv()
        except (EOFError, OSError):
            return  # the parent is gone
        connection.send(_BEGUN)
        connection.send(work(job))


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
