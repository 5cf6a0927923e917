"""`check --draft`: a first policy for databases that nobody has described; accepted as it stands, `check` says yes."""

import re
from pathlib import Path

import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from config.loader import load_policy
from config.policy import Policy
from tests.integration.draft_support import agree, drafted, problems, use
from tests.integration.foreign_support import HEAD, NEW, OLD
from tests.integration.small_operator import BOTH, SHOP
from worker.cli.main import app

PEOPLE_IN_SHOP = [
    f"INSERT INTO people VALUES ({i}, '99123149061{i}', 'aigerim{i}@mail.kz', 'Айгерім', 'x', '{OLD}', NULL)"
    for i in range(9)
]
PLAIN = [
    """CREATE TABLE persons (person_id INTEGER PRIMARY KEY, "Фамилия" VARCHAR(60), iin VARCHAR(12) UNIQUE NOT NULL,
        telefon VARCHAR(20) NOT NULL, birth_date DATE, contact1 VARCHAR(60), balance NUMERIC(9, 2), vip BOOLEAN,
        last_login TIMESTAMP, modified_at TIMESTAMP, due_date DATE)""",
    """CREATE TABLE purchases (id INTEGER PRIMARY KEY, person_id INTEGER, "Примечание" TEXT, paid_at TIMESTAMP,
        status VARCHAR(9))""",
    "CREATE TABLE lines (id INTEGER PRIMARY KEY, purchase_id INTEGER NOT NULL, product_id INTEGER, qty INTEGER)",
    "CREATE TABLE products (id INTEGER PRIMARY KEY, name VARCHAR(60), description TEXT)",
    "CREATE TABLE strangers (id INTEGER PRIMARY KEY, email VARCHAR(90), arrived_on DATE)",
    *(
        f"INSERT INTO persons (person_id, iin, telefon, contact1, last_login) VALUES ({i}, '99123149{i:04d}',"
        f" '+7701000000{i}', 'aigerim{i}@mail.kz', '{NEW}')"
        for i in range(9)
    ),
]


def policy_of(draft: str) -> Policy:
    return load_policy(agree(draft), "policy.yaml")


@pytest.mark.parametrize("dialect", BOTH)
def test_a_draft_is_refused_until_everything_is_decided_and_accepted_when_it_is(dialect: str, tmp_path: Path) -> None:
    with drafted(dialect, tmp_path, [*SHOP, *PEOPLE_IN_SHOP]) as (way, draft):
        found = problems(way)
        marked = [n for n, line in enumerate(draft.splitlines(), 1) if "DECIDE" in line.partition("#")[0]]
        assert {line for line, _ in found} == set(marked)
        assert all("not decided yet" in sentence for _, sentence in found), found
        way.merzim("run", code=2)
        use(way, agree(draft))
        assert problems(way) == []
        assert not re.search("99123149061|aigerim|Айгерім", draft)


@pytest.mark.parametrize("dialect", BOTH)
def test_people_links_clocks_and_columns_are_found_by_name_type_and_value(dialect: str, tmp_path: Path) -> None:
    with drafted(dialect, tmp_path, PLAIN) as (way, draft):
        policy = policy_of(draft)
        assert (policy.subject.table, policy.subject.key, policy.subject.same_person) == (
            "persons",
            ("person_id",),
            "iin",
        )
        assert {(str(k.source), str(k.target)) for k in policy.links if not k.delays_only} == {
            ("purchases.person_id", "persons.person_id"),
            ("lines.purchase_id", "purchases.id"),
        }
        assert [str(e.column) for e in policy.clock] == ["persons.last_login", "purchases.paid_at"]
        assert {h.exists: h.where for h in policy.holds.values()} == {"purchases": "paid_at IS NULL"}
        profile = policy.stages["profile"].tables
        treated = {c: t.spelling for t in profile["persons"].treatments for c in t.columns}
        assert treated == {
            "Фамилия": "invented name",
            "iin": "synthetic iin",
            "telefon": "synthetic phone",
            "birth_date": "to year",
            "contact1": "synthetic email",
        }
        assert {c: t.spelling for t in profile["purchases"].treatments for c in t.columns} == {"Примечание": "redact"}
        assert set(policy.ignore) == {"lines", "products"} or set(policy.ignore) == {"lines"}
        assert str(policy.stages["strangers"].origin.events[0].column) == "strangers.arrived_on"
        assert "DECIDE balance" in draft
        assert "DECIDE vip" not in draft
        use(way, agree(draft))
        assert problems(way) == []


@pytest.mark.parametrize("dialect", BOTH)
def test_names_that_need_quotes_in_yaml_in_sql_or_in_both(dialect: str, tmp_path: Path) -> None:
    schema = [
        """CREATE TABLE "v1.users" ("no" INTEGER PRIMARY KEY, "e-mail" VARCHAR(90), "last, name" TEXT,
            "Телефон: дом" VARCHAR(30), "DECIDE" TEXT, "null" TEXT, "# note" TEXT, "last login" TIMESTAMP)""",
        """CREATE TABLE "order" ("Id" INTEGER PRIMARY KEY, "v1.users_id" INTEGER REFERENCES "v1.users" ("no"),
            "group" TEXT, "a ""quoted"" comment" TEXT, "Closed At" TIMESTAMP)""",
        'CREATE TABLE "yes: {no}" (id INTEGER PRIMARY KEY, "[x]" TEXT)',
        'CREATE TABLE "Жазба\nкестесі" (id INTEGER PRIMARY KEY, x TEXT)',
    ]
    with drafted(dialect, tmp_path, schema) as (way, draft):
        use(way, agree(draft))
        assert problems(way) == []
        policy = policy_of(draft)
        users = policy.stages["profile"].tables['"v1.users"']
        assert set(users.keep) >= {"no", "DECIDE", "null", "last login"}
        assert policy.holds["open order"].where == '"Closed At" IS NULL'
        assert set(policy.ignore) == {"yes: {no}", "Жазба\nкестесі"}


def test_other_schemas_partitions_views_and_foreign_tables(tmp_path: Path) -> None:
    schema = [
        "CREATE SCHEMA crm",
        """CREATE TABLE crm.clients (id UUID PRIMARY KEY, email TEXT, full_name TEXT NOT NULL, last_seen TIMESTAMPTZ,
            visitor INET, extra JSONB, gender CHAR(1) NOT NULL)""",
        """CREATE TABLE visits (id BIGINT, client_id UUID REFERENCES crm.clients, visited_at TIMESTAMPTZ NOT NULL,
            user_agent TEXT, PRIMARY KEY (id, visited_at)) PARTITION BY RANGE (visited_at)""",
        "CREATE TABLE visits_old PARTITION OF visits FOR VALUES FROM ('2010-01-01') TO ('2024-01-01')",
        "CREATE VIEW everybody AS SELECT email FROM crm.clients",
        "CREATE MATERIALIZED VIEW names AS SELECT full_name FROM crm.clients",
        "CREATE TABLE keyless (email TEXT, sent_at DATE)",
    ]
    with drafted("postgresql", tmp_path, schema) as (way, draft):
        use(way, agree(draft))
        found = [sentence for _, sentence in problems(way)]
        assert all("REFRESH MATERIALIZED VIEW" in sentence for sentence in found), found
        policy = policy_of(draft)
        assert policy.subject.table == "crm.clients"
        assert set(policy.stages["profile"].tables) == {"crm.clients", "visits"}
        assert list(policy.ignore) == ["keyless"]
        assert "no key" in policy.ignore["keyless"]
        assert "everybody, names" in draft
        assert "visits_old" not in draft
        only = way.merzim("check", "--draft", "--in-schema", "public")
        assert "crm.clients" not in only
        way.merzim("check", "--draft", "--in-schema", "crn", code=2)


def test_a_draft_needs_neither_ledger_nor_policy_and_overwrites_nothing(tmp_path: Path) -> None:
    with drafted("postgresql", tmp_path, SHOP) as (way, _):
        way.operator.sql("DROP SCHEMA merzim CASCADE")
        address = way.operator.tools.database.engine.url.render_as_string(hide_password=False)
        bare = tmp_path / "bare.env"
        bare.write_text(f"MERZIM_DATABASE_URL={make_url(address).set(drivername='postgresql')}\n")
        file = tmp_path / "first.yaml"
        words = ["--env-file", str(bare), "check", "--draft", "--output", str(file)]
        assert CliRunner().invoke(app, words).exit_code == 0
        assert "table: DECIDE people" in file.read_text()
        file.write_text(HEAD)
        with pytest.raises(Exception, match="is there already"):
            CliRunner().invoke(app, words, catch_exceptions=False)
        assert file.read_text() == HEAD


@pytest.mark.parametrize("dialect", BOTH)
def test_a_database_without_tables_or_people(dialect: str, tmp_path: Path) -> None:
    with drafted(dialect, tmp_path, ["CREATE TABLE stones (id INTEGER PRIMARY KEY, weight INTEGER)"]) as (way, draft):
        assert "table: DECIDE\n" in draft
        assert any("which table holds the people" in sentence for _, sentence in problems(way))
        way.operator.sql("DROP TABLE stones")
        way.merzim("check", "--draft", code=2)
