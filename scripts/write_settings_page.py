"""Write `docs/settings.md` from the settings in the code: `make docs`."""

from pathlib import Path

from ragstone.app.settings import page

(Path(__file__).parents[1] / "docs" / "settings.md").write_text(page(), "utf-8")
