"""A batch goes in slices of like size: every unit once, in order, none left for a slice of its own."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from worker.ledger.batches import Batch
from worker.pipeline.attempt import Portion


@given(units=st.integers(1, 700), size=st.integers(1, 300))
def test_a_batch_goes_in_slices_of_like_size(units: int, size: int) -> None:
    batch = Batch("run", 1, "profile", list(range(units)), units, None, 0, [], "open")
    taken: list[list[int]] = []
    while int(batch.cursor or 0) < units:
        portion = Portion.of(batch, size)
        taken.append(list(portion.keys))
        batch = replace(batch, cursor=str(portion.cursor_after))
    assert [key for keys in taken for key in keys] == batch.keys
    sizes = [len(keys) for keys in taken]
    assert max(sizes) <= size + size // 4
    assert max(sizes) < size + size / (2 * len(sizes)) + 1, "no nearer to what was asked for, though there are many"
    assert max(sizes) - min(sizes) <= 1
