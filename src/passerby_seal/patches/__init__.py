"""What is sealed: the pixels of one person's face, cut out of a frame and encoded as one small stream."""
