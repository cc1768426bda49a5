"""Follows a drawn box through a clip by how the picture moves, and by nothing that is kept."""
