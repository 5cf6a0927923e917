"""What was archived, chosen, loaded beside the live tables, fitted, put back and written down."""
