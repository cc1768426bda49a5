"""Files that the build hook copies in; see hatch_build.py. None of them stands in the repository."""
