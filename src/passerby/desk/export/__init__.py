"""Writes the mended file with its report, manifest and statement: all of it appears, or nothing does."""
