"""Commands that keep, check and witness a public log."""
