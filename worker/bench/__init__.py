"""Measures merzim against the database's own limit: in one run, in turn, on data that are alike before every turn.

Everything happens in databases of the bench's own, with random names, which it drops at the end.
"""
