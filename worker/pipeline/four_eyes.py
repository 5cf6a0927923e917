"""Four eyes: what was decided counts only if it is signed by whom it names, and by two who are surely two.

Names are compared, never trusted, and under doubt two are one. This guards against mistakes and one dishonest admin,
not against whoever owns the database: they can register tokens.
"""

import base64

import sqlalchemy as sa

from config.catalogue import text
from worker.ledger.decisions import Action, Decision, SignedWith, Signer, decide, decisions_about
from worker.ledger.persons import person_with_key, persons
from worker.ledger.requests import Request
from worker.ledger.tables import Ledger
from worker.pipeline.tools import Refused, Tools, utc_now


def asked_by(connection: sa.Connection, tools: Tools, request: Request) -> Decision:
    """Who asked for the plan that the request bears. Raises Refused unless exactly one signature says so."""
    return _only(connection, tools, request, "request")


def check_approved(connection: sa.Connection, tools: Tools, request: Request) -> None:
    """Raise Refused unless two people signed for this request's plan, one asking and another approving."""
    asked, approved = asked_by(connection, tools, request), _only(connection, tools, request, "approve")
    check_different(connection, tools.ledger, asked, approved.author, approved.signed_with)


def check_different(
    connection: sa.Connection, ledger: Ledger, asked: Decision, name: str, signed_with: SignedWith
) -> None:
    """Raise Refused unless whoever signs by this name is certainly not who signed `asked`.

    Two tokens differ by their names, two accounts by theirs. A token and an account differ only if the token was not
    registered by that account: whoever registered it chose its passphrase.
    """
    if asked.author.casefold() == name.casefold():
        shared = asked.signed_with == signed_with == "account"
        raise Refused(text("identity.shared_account" if shared else "identity.same_person", name=asked.author))
    if asked.signed_with == signed_with:
        return
    token, account = (asked.author, name) if asked.signed_with == "token" else (name, asked.author)
    maker = next((p.registered_by for p in persons(connection, ledger) if p.name == token), None)
    if maker is None or maker.casefold() == account.casefold():
        raise Refused(text("identity.own_token", name=token, account=account))


def approved_by_another(connection: sa.Connection, tools: Tools, fingerprint: str, signer: Signer) -> bool:
    """Whether somebody who is surely not `signer` has said yes to the plan with this fingerprint. Raises Refused when
    only somebody has who may be the same, or whose signature is not genuine."""
    earlier = [d for d in decisions_about(connection, tools.ledger, _plan(fingerprint)) if d.action == "approve"]
    doubt: Refused | None = None
    for decision in earlier:
        check_signature(connection, tools, decision)
        try:
            check_different(connection, tools.ledger, decision, signer.name, signer.signed_with)
        except Refused as refused:
            doubt = refused
        else:
            return True
    if doubt is not None:
        raise doubt
    return False


def decide_on_plan(connection: sa.Connection, tools: Tools, fingerprint: str, signer: Signer) -> None:
    """Write down that somebody has said yes to a night's plan."""
    decide(connection, tools.ledger, _plan(fingerprint), "approve", fingerprint, signer, utc_now())


def _plan(fingerprint: str) -> str:
    return f"plan {fingerprint}"


def check_signature(connection: sa.Connection, tools: Tools, decision: Decision) -> None:
    """Raise Refused unless the decision was signed by whom it names: with a token that counts, or by an account with
    this installation's key."""
    genuine = _by_token if decision.signed_with == "token" else _by_installation
    if not genuine(connection, tools, decision):
        raise Refused(text("identity.forged", author=decision.author))


def _only(connection: sa.Connection, tools: Tools, request: Request, action: Action) -> Decision:
    found = [d for d in decisions_about(connection, tools.ledger, request.id) if d.action == action]
    if len(found) != 1 or found[0].fingerprint != request.fingerprint:
        raise Refused(text("identity.unsigned"))
    check_signature(connection, tools, found[0])
    return found[0]


def _by_token(connection: sa.Connection, tools: Tools, decision: Decision) -> bool:
    person = person_with_key(connection, tools.ledger, decision.key_id)
    if person is not None and person.revoked_at is not None:
        raise Refused(text("identity.signed_by_revoked", name=person.name))
    return person is not None and person.name == decision.author and decision.is_signed_by(person.key)


def _by_installation(connection: sa.Connection, tools: Tools, decision: Decision) -> bool:
    if tools.sign is None or tools.key_id != decision.key_id:
        raise Refused(text("identity.other_key", key=decision.key_id))
    # Ed25519 gives one signature for a message (RFC 8032): signing anew tells as much as the public key would.
    return base64.b64encode(tools.sign(decision.message)).decode() == decision.signature
