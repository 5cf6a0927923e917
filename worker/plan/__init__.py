"""What a night would do and why: pure functions from policy, schema facts and one fixed time to SQL and decisions."""
