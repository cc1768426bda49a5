"""Passerby: hides faces, states the law, and records both where anyone can check.

Rooms: ``media``, ``veil``, ``law``, ``register``, ``gateway``; ``cli`` and ``web`` speak to people. See docs/architecture.md.
"""

__version__ = "0.1.0"
