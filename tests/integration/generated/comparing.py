"""What a night did against what the model says: every row, every value."""

import re

from tests.integration.generated.case import EMAIL, IIN, Case
from tests.integration.generated.model_links import World
from tests.integration.generated.model_night import Model
from tests.integration.generated.model_values import Token

FORMS = {IIN: r"\d{12}", EMAIL: r"[0-9a-f]+@anon\.invalid", "invented name": r"\D+", "follows": r"\d{12}"}


def assert_alike(case: Case, model: Model, before: World, known: World, after: World) -> None:
    """Every row of `after` is the model's; `before` is what stood there at first, `known` before this night."""
    met: dict[object, object] = {}
    for table in case.tables:
        gone, stays = set(known[table]) - set(after[table]), set(model.world[table])
        assert set(after[table]) == stays, f"{table!r}: gone are {gone}, and {stays} should stay"
        for key, row in model.world[table].items():
            for column, value in row.items():
                place, found = f"{table!r} {key} {column!r}", after[table][key][column]
                if not isinstance(value, Token):
                    assert found == value, f"{place} is {found!r} instead of {value!r}"
                    continue
                form = FORMS[value.strategy.split(" ")[0] if value.strategy.startswith("follows") else value.strategy]
                assert re.fullmatch(form, str(found)), f"{place} is {found!r}"
                assert found != before[table][key][column], f"{place} is as it was"
                if (table, key, column) not in model.loose:
                    assert met.setdefault(value, found) == found, f"{place} follows nothing"
            if key not in model.changed[table] and not any(isinstance(v, Token) for v in row.values()):
                assert after[table][key] == known[table][key]
    assert len(set(met.values())) == len(met) or _names_only(met), "two of one value"


def _names_only(met: dict[object, object]) -> bool:
    """Invented names may meet by chance."""
    rest = [v for t, v in met.items() if isinstance(t, Token) and t.strategy != "invented name"]
    return len(set(rest)) == len(rest)
