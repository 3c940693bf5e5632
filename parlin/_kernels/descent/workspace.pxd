# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Memory for temporary matrices, kept from one use to the next."""

from libc.stdlib cimport free, malloc


cdef struct Workspace:
    double* start
    Py_ssize_t size


cdef inline double* reserve(Workspace* workspace, Py_ssize_t needed) noexcept nogil:
    """`needed` doubles that hold anything; NULL if there is no memory for them."""
    if workspace.start == NULL or workspace.size < needed:
        free(workspace.start)
        workspace.size = 2 * needed + 1  # not zero, for which malloc may return NULL
        workspace.start = <double*>malloc(workspace.size * sizeof(double))
    return workspace.start


cdef inline void release_memory(Workspace* workspace) noexcept nogil:
    free(workspace.start)
    workspace.start, workspace.size = NULL, 0
