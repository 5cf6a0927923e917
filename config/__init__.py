"""What merzim is told: the policy (what is kept how long, why, and what happens then) and the settings."""
