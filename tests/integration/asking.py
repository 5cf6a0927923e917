"""What stands behind the program `docker` of `engine`: it hands its words to the test and says what that answers. Each
command of the guide starts it, so it imports nothing of merzim."""

import sys
from collections.abc import Sequence
from multiprocessing.connection import Client


def _ask(address: str, words: Sequence[str]) -> int:
    with Client(address) as engine:
        engine.send((list(words), sys.stdin.read()))
        code, out, err = engine.recv()
    sys.stdout.write(out)
    sys.stderr.write(err)
    return int(code)


if __name__ == "__main__":
    raise SystemExit(_ask(sys.argv[1], sys.argv[2:]))
