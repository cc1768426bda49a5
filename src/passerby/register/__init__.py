"""A public append-only log: entries, Merkle tree, tiles, checkpoints, witnesses, verification."""

__all__: list[str] = []
