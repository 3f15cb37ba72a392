"""``python -m anabranch.cli``, and the command ``anabranch``."""

import sys


def main() -> None:
    """Runs the command line. Who interrupts it while it still loads sees no stack trace either."""
    try:
        from anabranch.cli.main import app

        app(prog_name="anabranch")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
