"""The rules of a task queue as pure functions and values, so that they run in virtual time; no I/O.

Import what is needed from its modules; there is no surface besides them.
"""
