"""Files that a run makes: written whole or not at all, under a name that an error repeats."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, which refuses to remove a file that is open
    fcntl = None

_UNFINISHED = re.compile(r"\..+\.\d+\.tmp")


def read(path: Path) -> bytes:
    """What the file holds.

    Raises
    ------
    OSError
        If nothing is there, or no file: opening a pipe would wait for ever.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path.read_bytes()


def write_atomically(path: Path, content: bytes) -> None:
    """The file holds `content`, or what it held before, never a part; equal content is not written again.

    Raises
    ------
    OSError
        If it cannot be written; `filename` is `path`, which a full disk does not tell of itself.
    """
    with contextlib.suppress(OSError):
        if read(path) == content:
            return
    # In the same folder, because os.replace is atomic only within one file system.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            _hold(file.fileno())
            file.write(content)
        if path.is_dir() and not path.is_symlink():
            path.rmdir()  # only an empty folder gives way
        os.replace(unfinished, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def remove_leftovers(*folders: Path) -> None:
    """Remove what writers that were killed have left in the folders; a file still being written stays."""
    for folder in folders:
        with contextlib.suppress(OSError):
            for file in folder.iterdir():
                if _UNFINISHED.fullmatch(file.name) and file.is_file() and not _is_held(file):
                    with contextlib.suppress(OSError):
                        file.unlink()


def why(error: BaseException) -> str:
    """The error in a line: what a damaged file makes a parser say has no other bounds."""
    kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
    text = getattr(error, "strerror", None) or f"{kind}{error}"
    return text.partition("\n")[0][:200]


# A lock ends with its process, whereas a number of a process may be given to another one.


def _hold(descriptor: int) -> None:
    if fcntl is not None:
        with contextlib.suppress(OSError):  # some file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_held(file: Path) -> bool:
    if fcntl is None:
        return False
    try:
        with file.open("rb") as opened:
            fcntl.flock(opened.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False
