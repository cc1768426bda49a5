"""Looks a veiled file over and mends it: edits that are never lost, boxes that are followed, exports. Speaks to nobody itself."""
