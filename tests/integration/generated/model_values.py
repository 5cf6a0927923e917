"""What a strategy leaves of a value, as far as that can be foretold."""

from dataclasses import dataclass

from tests.integration.generated.case import EMAIL, IIN, NOTHING, REDACT, YEAR, Value


@dataclass(frozen=True)
class Token:
    """Some value that a strategy invents; equal tokens stand for equal values."""

    strategy: str
    mark: object


def replaced(strategy: str, old: Value, mark: object) -> Value:
    """What a strategy leaves. Tokens stand in rows like values."""
    if strategy == NOTHING:
        return None
    if strategy.startswith("constant "):
        text = strategy.removeprefix('constant "').removesuffix('"')
        return int(text) if text.isdigit() else text
    if old is None or isinstance(old, Token):
        return old
    if strategy == YEAR:
        return f"{str(old)[:4]}-01-01"
    if strategy == REDACT:
        return str(old).replace("991231490611", "[IIN]")
    assert strategy in (IIN, EMAIL, "invented name") or strategy.startswith("follows")
    return Token(strategy, mark)  # type: ignore[return-value]  # see the docstring
