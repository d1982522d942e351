"""The ground of mlmon: events, schema, queries, results and the seams between packages."""
