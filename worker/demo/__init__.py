"""The invented operator's database: a schema, invented people and their files, to try the night on."""

from worker.demo.filling import fill
from worker.demo.schema import make_schema

__all__ = ["fill", "make_schema"]
