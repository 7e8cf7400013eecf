"""``python -m paperbuild``."""

from paperbuild.cli.main import entry

if __name__ == "__main__":
    entry()
