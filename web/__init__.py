"""The built-in page and the report, drawn from panels."""
