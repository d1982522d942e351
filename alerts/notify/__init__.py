"""What a notice says, and the notifiers that take it: whatever apprise knows, and Alertmanager."""
