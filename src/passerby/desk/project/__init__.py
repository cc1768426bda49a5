"""The edits of one file: frozen values, their journal on disk, and the state that follows from them."""
