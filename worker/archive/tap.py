"""A stream between a file and age that digests and counts what passes."""

import hashlib
from typing import BinaryIO

_BLOCK = 1 << 20


class Tap:
    """Wraps a binary stream for pyrage; `size` is in bytes. An error of the stream is kept in `error`.

    Kept, because pyrage swallows an exception of the last write (a full disk!) and turns that of a read into text.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self.size = 0
        self.error: BaseException | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of all bytes passed so far, lower-case hex."""
        return self._digest.hexdigest()

    def read(self, size: int) -> bytes:
        """At most `size` bytes of the stream. Raises what the stream raises."""
        try:
            block = self._stream.read(size)
        except BaseException as error:
            self.error = error
            raise
        self._passed(block)
        return block

    def write(self, block: bytes) -> int:
        """Write all of the block. Raises what the stream raises."""
        try:
            self._stream.write(block)
        except BaseException as error:
            self.error = error
            raise
        self._passed(block)
        return len(block)

    def flush(self) -> None:
        """Nothing is held back here."""

    def drain(self) -> None:
        """Read to the end, so that the digest is that of the whole stream."""
        while self.read(_BLOCK):
            pass

    def _passed(self, block: bytes) -> None:
        self._digest.update(block)
        self.size += len(block)
