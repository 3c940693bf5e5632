"""Coordinate descent and active-set Newton, compiled: `descent.Descent`.

Each ``.pxd`` holds one structure and the inline functions on it; all of them become one C file, that of
`descent.pyx`.  No function needs the interpreter, and none keeps anything outside the structures.
"""
