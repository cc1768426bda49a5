"""Commands that measure: who is missed, who is wronged."""
