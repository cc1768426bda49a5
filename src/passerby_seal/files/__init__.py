"""Sealing as a file is veiled: a pack beside the veiled clip."""
