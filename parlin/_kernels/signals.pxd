# cython: language_level=3
"""Signals, that of Ctrl-C say, are handled in the midst of loops that hold no GIL.

Such a loop counts the entries that it reads or writes.  Where a handler raises, the exception ends the loop
and everything around it.
"""

from cpython.exc cimport PyErr_CheckSignals

cdef extern from *:
    """
    /* So many entries take some 20 milliseconds. */
    #define PARLIN_PATIENCE 2e7
    """
    const double PATIENCE "PARLIN_PATIENCE"


cdef inline int handle_signals() except -1 nogil:
    with gil:
        PyErr_CheckSignals()
    return 0


cdef inline int count_work(double* work, double entries) except -1 nogil:
    """Add to the entries since signals were handled last, and handle them where that is long ago."""
    work[0] += entries
    if work[0] > PATIENCE:
        work[0] = 0.0
        handle_signals()
    return 0
