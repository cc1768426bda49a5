"""Veils and exports in processes of their own, with their progress."""
