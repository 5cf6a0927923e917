"""Faults at every step: what merzim tells the database and does to the disk is counted, and one of them goes wrong."""
