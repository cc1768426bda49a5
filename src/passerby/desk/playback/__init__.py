"""Single frames of a clip in any order, as JPEG bytes in memory."""
