from .reading import READERS

__all__ = ["READERS"]
