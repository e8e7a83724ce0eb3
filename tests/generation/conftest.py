import os
from pathlib import Path

import platformdirs
import pytest

from ragstone.generation.models import ModelStore


@pytest.fixture(scope="session")
def model_store() -> ModelStore:
    """Where the application keeps its models, so that a second run of the tests downloads nothing."""
    folder = os.environ.get("RAGSTONE_MODELS_DIR") or platformdirs.user_cache_path("ragstone") / "models"
    return ModelStore(Path(folder), offline=False)
