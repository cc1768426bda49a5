"""Sealing as a camera runs: the client in its worker, the sealing process, spool and store."""
