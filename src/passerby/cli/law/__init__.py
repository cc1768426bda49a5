"""Commands that say what the law allows."""
