"""age around zstd: sealing compressed text into a file, and reading it back as a stream in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Queue
from threading import Thread
from typing import Any, BinaryIO, cast

import pyrage
import zstandard

from config.catalogue import text
from worker.archive.errors import ArchiveError
from worker.archive.keys import parse_identities
from worker.archive.tap import Tap

_NO_KEY_FITS = "No matching keys found"  # pyrage has one exception class for all its refusals
_BLOCK = 1 << 17


def encrypt(compressed: BinaryIO, target: BinaryIO, recipients: Sequence[Any]) -> Tap:
    """Seal `compressed` into `target`; the tap knows digest and size of what was written.

    Raises OSError if the target refuses, ArchiveError if age does.
    """
    tap = Tap(target)
    failure: Exception | None = None
    try:
        pyrage.encrypt_io(compressed, tap, recipients)
    except (pyrage.EncryptError, OSError) as error:
        failure = error
    if tap.error is not None:
        raise tap.error
    if failure is not None:
        raise ArchiveError(text("segment_reading.not_sealed", reason=failure)) from failure
    return tap


@contextmanager
def plain_text(sealed: Tap, identities: Sequence[str], where: str) -> Iterator[Callable[[int], bytes]]:
    """Gives `read(size)` of the text inside a sealed stream; b"" at its end. Reading raises ArchiveError.

    `where` names the stream in sentences. Nobody else may use the stream until the block is left.
    """
    decrypted = _Decrypted(sealed, identities, where)
    source = cast(BinaryIO, decrypted)  # zstandard calls nothing but read()
    reader = zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True, closefd=False)

    def read(size: int) -> bytes:
        try:
            return reader.read(size)
        except zstandard.ZstdError:
            raise ArchiveError(text("segment_reading.altered", where=where)) from None

    try:
        yield read
    finally:
        decrypted.close()


class _Decrypted:
    """pyrage pushes, a reader pulls: a thread decrypts into a short queue, so that no more than a few blocks wait."""

    def __init__(self, sealed: Tap, identities: Sequence[str], where: str) -> None:
        self._keys = parse_identities(identities)
        self._tap = sealed
        self._where = where
        self._queue: Queue[bytes | None] = Queue(maxsize=4)
        self._pending = bytearray()
        self._rest = b""
        self._ended = False
        self._abandoned = False
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._decrypt, name="merzim-decrypt", daemon=True)
        self._thread.start()

    def read(self, size: int) -> bytes:
        """At most `size` decrypted bytes, b"" at the end. Raises ArchiveError."""
        if not self._rest and not self._ended:
            self._rest = self._next()
        part, self._rest = self._rest[:size], self._rest[size:]
        return part

    def close(self) -> None:
        """End the thread, whether or not everything was read."""
        self._abandoned = True
        while not self._ended:
            self._ended = self._queue.get() is None
        self._thread.join()

    def write(self, block: bytes) -> int:
        """Called by pyrage, in the thread."""
        if self._abandoned:
            raise BrokenPipeError
        self._pending += block
        if len(self._pending) >= _BLOCK:
            self._hand_over()
        return len(block)

    def flush(self) -> None:
        """Called by pyrage; what is pending goes when the thread ends."""

    def _decrypt(self) -> None:
        try:
            pyrage.decrypt_io(self._tap, self, self._keys)
            self._hand_over()
        except BaseException as error:
            self._failure = error
        finally:
            self._queue.put(None)

    def _hand_over(self) -> None:
        self._queue.put(bytes(self._pending))
        self._pending.clear()

    def _next(self) -> bytes:
        block = self._queue.get()
        if block is not None:
            return block
        self._ended = True
        if self._failure is not None:
            raise self._sentence(self._failure)
        return b""

    def _sentence(self, failure: BaseException) -> ArchiveError:
        if self._tap.error is not None:
            return ArchiveError(text("segment_reading.failed", where=self._where, reason=self._tap.error))
        if _NO_KEY_FITS in str(failure):
            return ArchiveError(text("segment_reading.no_key_fits", where=self._where))
        return ArchiveError(text("segment_reading.refused", where=self._where))
