"""The camera process: bare pictures exist here and nowhere else. It has no door: it is run, as ``python -m``."""
