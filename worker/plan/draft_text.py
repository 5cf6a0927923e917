"""The draft as YAML: guesses behind the mark, each with the reason for it."""

from collections.abc import Callable, Iterator

from config.catalogue import text
from config.marks import MARK
from config.names import join_names
from config.policy import ColumnRef, Link
from worker.plan.draft import Draft
from worker.plan.draft_people import Candidate, blocks, kinds_of, statuses
from worker.plan.draft_stages import TERM, ignored, kinds_in_words, stages
from worker.plan.draft_words import Personal
from worker.plan.draft_yaml import braces, comment, listed, remarked, scalar, undecided

MOST_NAMED = 12
LISTED: tuple[Personal, ...] = ("iin", "email", "phone")
TIMEZONE = "Asia/Almaty"
QuoteColumn = Callable[[str], str]


def draft_text(draft: Draft, quote_column: QuoteColumn) -> str:
    """The whole file. `quote_column` writes a column's name as the database's SQL does."""
    parts = [_head(), _subject(draft), _identifiers(draft), _links(draft), _clock(draft), _holds(draft, quote_column)]
    parts += [stages(draft), ignored(draft), _triggers(draft), _limits(), _left_out(draft)]
    written = ["".join(f"{line}\n" for line in part) for part in parts]
    return "\n".join(part for part in written if part)


def _head() -> Iterator[str]:
    yield from comment(text("draft.head", mark=MARK))
    yield from comment(text("draft.accept", mark=MARK))
    yield ""
    yield remarked(f"policy: {undecided()}", text("draft.policy"))
    yield f"operator: {undecided()}"
    yield f"timezone: {undecided(TIMEZONE)}"
    yield remarked(f"floor: {braces(term=undecided(TERM), basis=undecided())}", text("draft.floor"))


def _subject(draft: Draft) -> Iterator[str]:
    yield from comment(text("draft.subject"))
    for candidate in draft.candidates[1:MOST_NAMED]:
        yield from comment(text("draft.candidate", table=candidate.table, why=_why(candidate)))
    yield "subject:"
    facts = draft.subject
    if facts is None:
        yield f"  table: {undecided()}"
        yield f"  key: {undecided()}"
        return
    yield remarked(f"  table: {undecided(facts.name)}", _why(draft.candidates[0]))
    key = [scalar(c) for c in facts.key]
    yield f"  key: {key[0]}" if len(key) == 1 else f"  key: [{', '.join(key)}]"
    same = [name for name, kind in kinds_of(facts, draft.looks).items() if kind == "iin"]
    if same:
        yield remarked(f"  same person: {undecided(same[0])}", text("draft.same_person"))
    if blocked := blocks(facts):
        yield remarked(f"  blocked: {undecided(blocked[0])}", text("draft.blocked"))


def _why(candidate: Candidate) -> str:
    kinds = kinds_in_words(candidate.kinds)
    return text("draft.candidate_why", n=candidate.referring, kinds=kinds)


def _identifiers(draft: Draft) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    tables = [t for t in (*draft.of_people, *draft.alone) if draft.schema.tables[t].changeable]
    for table in tables:
        key = draft.schema.tables[table].key
        for guess in draft.columns[table]:
            if guess.kind in LISTED and guess.column not in key:
                found.setdefault(guess.kind, []).append(scalar(str(ColumnRef(table=table, column=guess.column))))
    if found:
        yield from comment(text("draft.identifiers"))
        yield "identifiers:"
        for kind, places in found.items():
            yield from listed(f"  {kind}: ", places)


def _links(draft: Draft) -> Iterator[str]:
    if draft.links:
        yield from comment(text("draft.links"))
        yield "links:"
        for link in draft.links:
            ways = {"from": undecided(str(link.source)), "to": scalar(str(link.target))}
            ways |= {"only": "delays"} if link.delays_only else {}
            yield remarked(f"  - {braces(**ways)}", _why_link(draft, link))


def _why_link(draft: Draft, link: Link) -> str:
    if draft.subject is not None and link.target.table == draft.subject.name:
        if link.delays_only:
            return text("draft.link_delays")
        if (link.target.column,) != draft.subject.key:
            return text("draft.link_value")
    return text("draft.link_name")


def _clock(draft: Draft) -> Iterator[str]:
    yield from comment(text("draft.clock"))
    yield "clock:"
    for event in draft.clock:
        yield f"  - {undecided(str(event))}"
    if not draft.clock:
        yield remarked(f"  - {undecided()}", text("draft.no_clock"))
    if draft.naive:
        yield remarked(f"stored in: {{default: {undecided('UTC')}}}", text("draft.stored"))


def _holds(draft: Draft, quote_column: QuoteColumn) -> Iterator[str]:
    named = {f"{t}.{join_names(c)}": None for t in draft.steps for c in statuses(draft.schema.tables[t])}
    if draft.open_ends or named:
        yield from comment(text("draft.holds"))
    for each in list(named)[:MOST_NAMED]:
        yield from comment(text("draft.status", column=each))
    if draft.open_ends:
        yield "holds:"
    for end in draft.open_ends:
        condition = scalar(f"{quote_column(end.column)} IS NULL")
        name = scalar(text("draft.open", table=end.table))
        yield f"  {name}: {braces(exists=undecided(end.table), where=condition, basis=undecided())}"


def _triggers(draft: Draft) -> Iterator[str]:
    if draft.triggers:
        yield from comment(text("draft.triggers"))
        yield "triggers:"
        for name, table in draft.triggers.items():
            yield f"  {scalar(name)}: {braces(writes=undecided(table))}"


def _limits() -> Iterator[str]:
    yield from comment(text("draft.limits"))
    yield "quota: {people_per_night: 1000}"
    yield "brake: {percent_of_table: 25}"


def _left_out(draft: Draft) -> Iterator[str]:
    """Views and the like hold nothing of their own; partitions belong to their table."""
    found = sorted(name for name, facts in draft.schema.tables.items() if facts.kind in ("view", "materialised view"))
    if found:
        more = len(found) - MOST_NAMED
        names = ", ".join(found[:MOST_NAMED])
        yield from comment(
            text("draft.more_views", names=names, n=more) if more > 0 else text("draft.views", names=names)
        )
