"""Keys of many rows, in little room."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

Key = tuple[Any, ...]


class Keys(Sequence[Key]):
    """Keys in their order. Those of one whole number each take eight bytes: as tuples, ten million take a gigabyte."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._numbers = array("q")
        self._others: list[Key] | None = None
        for key in keys:
            self.append(key)

    def append(self, key: Key) -> None:
        """Add it at the end."""
        if self._others is None:
            if len(key) == 1 and type(key[0]) is int and key[0].bit_length() < self._numbers.itemsize * 8:
                self._numbers.append(key[0])
                return
            self._others = list(self)
        self._others.append(key)

    def __len__(self) -> int:
        return len(self._numbers if self._others is None else self._others)

    def __iter__(self) -> Iterator[Key]:
        return zip(self._numbers) if self._others is None else iter(self._others)

    @overload
    def __getitem__(self, place: int) -> Key: ...
    @overload
    def __getitem__(self, place: slice) -> list[Key]: ...
    def __getitem__(self, place: int | slice) -> Key | list[Key]:
        if self._others is not None:
            return self._others[place]
        return (self._numbers[place],) if isinstance(place, int) else list(zip(self._numbers[place], strict=True))
