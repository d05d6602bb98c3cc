"""Payment events on a message queue."""
