"""The index of a veiled recording: which piece a figure in a frame leads to. Encrypted at rest."""
