"""The stages of a draft, and what it leaves out of them."""

from collections.abc import Iterable, Iterator

from config.catalogue import text
from config.names import split_table
from config.policy import ColumnRef
from worker.plan.draft import PROFILE, Draft
from worker.plan.draft_columns import KEEP, Guess
from worker.plan.draft_people import moments
from worker.plan.draft_words import people_named
from worker.plan.draft_yaml import braces, comment, listed, remarked, scalar, undecided, undecided_sentence

SUBJECT, TERM, COPY = "subject", "3 years", "30 days"


def stages(draft: Draft) -> Iterator[str]:
    """One for the people with all that leads to them; one for each table with personal data that leads to nobody."""
    yield from comment(text("draft.stages"))
    yield "stages:"
    yield f"  {PROFILE}:"
    yield f"    from: {SUBJECT}"
    yield from _terms()
    yield "    tables:"
    if not draft.of_people:
        yield f"      {undecided()}: {undecided('delete')}"
    for table in draft.of_people:
        yield from _rule(draft, table)
    taken = {PROFILE}
    for table in draft.alone:
        name = _free_name(split_table(table)[1], taken)
        yield ""
        yield from comment(text("draft.alone", table=table), 2)
        yield f"  {scalar(name)}:"
        event = ColumnRef(table=table, column=moments(draft.schema.tables[table])[0])
        yield f"    from: {undecided(str(event))}"
        yield from _terms()
        yield "    tables:"
        yield from _rule(draft, table)


def ignored(draft: Draft) -> Iterator[str]:
    """Every other table, each with the reason that a person has to confirm."""
    if draft.left:
        yield from comment(text("draft.ignore"))
        yield "ignore:"
        for table in draft.left:
            yield f"  {scalar(table)}: {undecided_sentence(_why_left(draft, table))}"


def kinds_in_words(kinds: Iterable[str]) -> str:
    """Kinds of personal data for a remark."""
    return ", ".join(text(f"personal_kind.{kind}") for kind in dict.fromkeys(kinds))


def _terms() -> Iterator[str]:
    yield f"    term: {undecided(TERM)}"
    yield f"    basis: {undecided()}"
    yield remarked(f"    archive: {braces(term=undecided(COPY), basis=undecided())}", text("draft.copy"))


def _rule(draft: Draft, table: str) -> Iterator[str]:
    facts, guesses = draft.schema.tables[table], draft.columns[table]
    own = moments(facts)
    name = f"      {scalar(table)}:"
    yield remarked(name, text("draft.rows", n=facts.rows)) if facts.rows else name
    if draft.steps.get(table) and own:
        yield from comment(text("draft.own_stage", column=ColumnRef(table=table, column=own[0])), 8)
    yield f"        {undecided('depersonalise')}:"
    kept = [g for g in guesses if g.spelling == KEEP]
    if kept:
        yield from listed("          keep: ", [_column(g) for g in kept])
    for stuck in (g for g in kept if g.personal):
        yield from comment(text("draft.stuck", column=stuck.column), 10)
    for spelling in dict.fromkeys(g.spelling for g in guesses if g.spelling != KEEP):
        here = [g for g in guesses if g.spelling == spelling]
        remark = kinds_in_words(g.kind for g in here if g.kind)
        yield from listed(f"          {spelling}: ", [_column(g) for g in here], remark)
    if any(g.kind == "picture" for g in guesses):
        yield from comment(text("draft.files"), 8)


def _column(guess: Guess) -> str:
    return scalar(guess.column) if guess.sure else undecided(guess.column)


def _free_name(wanted: str, taken: set[str]) -> str:
    name = wanted.replace("/", " ").strip() or PROFILE
    while name in taken:
        name += " rows"
    taken.add(name)
    return name


def _why_left(draft: Draft, table: str) -> str:
    facts = draft.schema.tables[table]
    if not facts.changeable:
        return text("draft.left_kind", kind=text(f"table_kind.{facts.kind.replace(' ', '_')}"))
    kinds = [g.kind for g in draft.columns[table] if g.kind]
    if not kinds:
        return text("draft.left_plain")
    if any(c.table == table for c in draft.candidates) and people_named(facts.table.name):
        return text("draft.left_people")
    found = kinds_in_words(kinds)
    if not facts.key:
        return text("draft.left_keyless", kinds=found)
    if not draft.treatable(table):
        return text("draft.left_stuck", kinds=found)
    return text("draft.left_alone", kinds=found)
