"""What is wrong with the database that the settings name."""


class UnknownDatabase(ValueError):
    """The URL is unreadable or names a database merzim does not know; the text never holds a password."""
