"""What can go wrong with a bench."""


class BenchError(Exception):
    """The bench cannot measure; the text says why."""
