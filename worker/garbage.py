"""How often Python looks for garbage."""

import gc

NEW_OBJECTS = 50_000


def look_rarely() -> None:
    """Modules, and queries that are kept, are hundreds of thousands of objects that stay. Python looks through the new
    ones whenever there are 700 more, and through all of them now and then: a sixth of a start, in vain."""
    gc.set_threshold(NEW_OBJECTS)
