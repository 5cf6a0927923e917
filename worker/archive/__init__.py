"""Segments of the archive: format, sealing, keys, spool and stores. FORMAT.md gives the exact bytes."""
