"""From a wire to a store: events are received, validated, written and only then acknowledged."""
