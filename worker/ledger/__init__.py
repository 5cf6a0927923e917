"""The ledger: tables, migrations, runs, holds and gate, keys, seal, grants. Imports no other room."""
