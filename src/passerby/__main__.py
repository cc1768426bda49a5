"""``python -m passerby`` is the ``passerby`` command."""

from passerby.cli import main

if __name__ == "__main__":
    main()
