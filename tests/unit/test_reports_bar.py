"""The bars of the page are to scale and without gaps."""

from worker.reports.as_html import BAR_WIDTH, Piece, bar


def test_pieces_lie_side_by_side_to_scale() -> None:
    assert bar({"done": 3, "left": 0, "held": 1}) == [Piece("done", 3, 0.0, 75.0), Piece("held", 1, 75.0, 25.0)]


def test_a_bar_of_nothing_has_no_pieces() -> None:
    assert bar({"done": 0, "held": 0}) == []


def test_a_negative_count_takes_no_room() -> None:
    assert bar({"done": 2, "left": -1}) == [Piece("done", 2, 0.0, BAR_WIDTH)]
