"""The format: buckets, pieces, packs, shares. docs/seal-format.md is the source; this follows it."""
