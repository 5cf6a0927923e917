"""What the ledger raises: sentences that say what happened and what to do next, never a value of a row."""


class LedgerError(Exception):
    """The ledger refuses; nothing was written by the call that raised it."""


class IllegalArrow(LedgerError):
    """A state that may not follow the present one."""


class RunClosed(LedgerError):
    """The run is closed, so nothing may be written for it any more."""


class PersonalText(LedgerError):
    """A free text that would bring personal data into the ledger."""


class UnsupportedKey(LedgerError):
    """A key that the ledger cannot write down unambiguously."""
