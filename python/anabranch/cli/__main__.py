"""``python -m anabranch.cli``."""

from anabranch.cli.main import app

app(prog_name="anabranch")
