"""Sealing: one person's face pixels, locked to several authorities together while everybody is veiled.

A distribution of its own, off unless chosen. `passerby` never imports it by name: `passerby.sealing` finds it where it is.
"""
