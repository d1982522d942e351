"""Alert rules as code: what a rule is, when it fires, and who hears of it."""
