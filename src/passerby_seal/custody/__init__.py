"""The keys of camera and hour: made ahead, kept for the retention, destroyed; and holds."""
