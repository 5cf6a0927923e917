"""Operators that differ in what their tables have: children, links that nobody declared, keys of two columns, a stage
that goes by its own rows."""

from dataclasses import dataclass

from tests.integration.races.circle import COLUMNS


@dataclass(frozen=True)
class Variant:
    """What an operator's tables and policy have. Rows are numbered without regard to the key's other column."""

    children: bool
    links: bool
    by_rows: bool
    two_columns: bool

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables, children before parents."""
        return (*(("remarks", "visits") if self.children else ()), "letters", "payments", "complaints", "people")

    def columns(self, table: str) -> tuple[str, ...]:
        """The columns of a table in order; a row of a person's also bears the other column of the person's key."""
        return ("org", *COLUMNS[table]) if self.two_columns and table != "remarks" else COLUMNS[table]

    def key(self, person: int) -> str:
        """A person's key as the command line takes it."""
        return f"7,{person}" if self.two_columns else str(person)

    def schema(self) -> list[str]:
        """The statements that make the tables."""
        made = []
        for table in reversed(self.tables):
            columns = [f"{c} {_TYPES.get(c, 'INTEGER')}" for c in self.columns(table)]
            org = ["org"] if "org" in self.columns(table) else []
            if table == "people":
                columns.append(f"PRIMARY KEY ({', '.join([*org, 'id'])})")
            else:
                columns.append("PRIMARY KEY (id)")
                source, target = ("visit_id", "visits") if table == "remarks" else ("person_id", "people")
                ours, theirs = ", ".join([*org, source]), ", ".join([*org, "id"])
                columns.append(f"FOREIGN KEY ({ours}) REFERENCES {target} ({theirs})")
                made.append(f"CREATE INDEX {table}_{source} ON {table} ({ours})")
            made.append(f"CREATE TABLE {table} ({', '.join(columns)})")
        indexes = [f"CREATE INDEX {t}_iin ON {t} ({c})" for t, c in _IINS.items()]
        return [*(s for s in made if s.startswith("CREATE TABLE")), *(s for s in made if "INDEX" in s), *indexes]

    def policy(self, people_per_night: int | None = None) -> str:
        """The policy, with a quota or without."""
        org = "org, " if self.two_columns else ""
        key = "[org, id]" if self.two_columns else "id"
        clock = ["people.seen_at", "payments.paid_at", *(["visits.came_at"] if self.children else [])]
        follows = "follows people.iin" if self.links else "synthetic iin"
        payments = f"{{keep: [{org}id, person_id, paid_at], {follows}: [payer_iin], nothing: [note]}}"
        complaints = f"{{keep: [{org}id, person_id, closed_on], {follows}: [iin]}}"
        people = f'{{keep: [{org}id, seen_at, blocked_at], synthetic iin: [iin], constant "": [name]}}'
        lines = [
            "policy: circle",
            "operator: A circle of friends",
            "timezone: Asia/Almaty",
            "floor: {term: 3 years, basis: clause 5.3}",
            f"subject: {{table: people, key: {key}, same person: iin, blocked: blocked_at}}",
            *(
                ["links:", *(f"  - {{from: {t}.{c}, to: people.iin}}" for t, c in _JOINING.items())]
                if self.links
                else []
            ),
            f"clock: [{', '.join(clock)}]",
            'holds: {complaint: {exists: complaints, where: "closed_on IS NULL", basis: law}}',
            *([f"quota: {{people_per_night: {people_per_night}}}"] if people_per_night is not None else []),
            "stages:",
            *_stage("profile", "subject", 3),
            *(["      remarks: delete", "      visits: delete"] if self.children else []),
            f"      complaints: {{depersonalise: {complaints}}}",
            f"      people: {{depersonalise: {people}}}",
            *_stage("letters", "subject", 4),
            "      letters: delete",
            *_stage("payments", "payments.paid_at" if self.by_rows else "subject", 5),
            f"      payments: {{depersonalise: {payments}}}",
        ]
        return "\n".join(lines) + "\n"


_TYPES = {
    "iin": "VARCHAR(12)",
    "payer_iin": "VARCHAR(12)",
    "name": "VARCHAR(80) NOT NULL",
    "note": "VARCHAR(80)",
    "seen_at": "TIMESTAMP NULL",
    "blocked_at": "TIMESTAMP NULL",
    "came_at": "TIMESTAMP NULL",
    "paid_at": "TIMESTAMP NULL",
    "closed_on": "TIMESTAMP NULL",
    "org": "INTEGER NOT NULL",
    "id": "INTEGER NOT NULL",
}
_JOINING = {"payments": "payer_iin", "complaints": "iin"}
_LINKS = [f"  - {{from: {table}.{column}, to: people.iin}}" for table, column in _JOINING.items()]
_IINS = {"people": "iin", **_JOINING}


def _stage(name: str, origin: str, years: int) -> list[str]:
    return [
        f"  {name}:",
        f"    from: {origin}",
        f"    term: {years} years",
        "    basis: a law",
        "    archive: {term: 30 days, basis: clause 3.4}",
        "    tables:",
    ]
