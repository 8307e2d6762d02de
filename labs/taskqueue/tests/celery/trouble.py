"""Exceptions of a project's own, in a module that can be imported."""


class OutOfCheese(Exception):
    """Two arguments, and none of them a sentence."""
