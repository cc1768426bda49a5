"""Commands that look for what can identify faces."""
