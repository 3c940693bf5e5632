"""Processes that work through a list of jobs, one job at a time each, and never outlive their parent."""

from __future__ import annotations

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


@dataclass(frozen=True)
class WorkerDied:
    """Stands for the result of a job whose process ended before it had one."""

    exit_code: int | None


@dataclass(frozen=True)
class _Worker:
    process: BaseProcess
    connection: Connection

    @classmethod
    def start(cls, work: Callable[[Any], Any]) -> _Worker:
        ours, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=_serve, args=(theirs, work), daemon=True)
        process.start()
        # Our copy must go, or the end of the process would not show as the end of the pipe.
        theirs.close()
        return cls(process, ours)


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
        The result of a job whose process ended early is `WorkerDied`; the other jobs go on.

    Notes
    -----
    Closing the generator ends the processes. A parent that is killed takes them along.
    """
    waiting, busy, idle = list(jobs), {}, []
    try:
        while waiting or busy:
            while waiting and len(busy) < n_workers:
                job = waiting.pop(0)
                worker = idle.pop() if idle else _Worker.start(work)
                worker.connection.send(job)
                busy[worker.connection] = (worker, job)
                yield job, None
            for connection in wait(list(busy)):
                worker, job = busy.pop(connection)
                try:
                    result = connection.recv()
                    idle.append(worker)
                except EOFError:
                    worker.process.join()
                    result = WorkerDied(worker.process.exitcode)
                yield job, result
    finally:
        for worker in [*idle, *(worker for worker, _ in busy.values())]:
            worker.process.terminate()
            worker.process.join()
            worker.connection.close()


def _serve(connection: Connection, work: Callable[[Any], Any]) -> None:
    # Ctrl-C reaches the whole group of processes; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        connection.send(work(connection.recv()))


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
