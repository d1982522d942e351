"""The words everything else is written in: event, schema, query, store, metric, finding."""
