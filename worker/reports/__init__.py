"""Reports: what a run did, from the ledger alone, as terminal text, JSON and one HTML page."""
