import re
import subprocess
import sys
from pathlib import Path

import pytest

import ragstone
from ragstone import errors

HEAVY = (
    "numpy",
    "faiss",
    "openvino",
    "tokenizers",
    "torch",
    "transformers",
    "sentence_transformers",
    "llama_cpp",
    "rich",
)


def test_the_public_names_are_these():
    names = "Answer Citation Document Event Filter Hit IngestReport Mode Ragstone RagstoneError Sentence Settings Turn"
    assert sorted(ragstone.__all__) == [*names.split(), "__version__", "verify"]
    for name in ragstone.__all__:
        assert getattr(ragstone, name) is not None


def test_the_tree_of_errors_names_every_class_of_it():
    told = re.findall(r"[A-Z]\w+Error", errors.__doc__ or "")
    assert sorted(told) == sorted(name for name in vars(errors) if name.endswith("Error"))
    assert all(issubclass(getattr(errors, name), ragstone.RagstoneError) for name in told)


@pytest.mark.parametrize("words", [["--help"], ["search", "--help"], ["--version"], ["docs", "list"]])
def test_commands_that_compute_nothing_import_nothing_heavy(words: list[str], tmp_path: Path):
    program = f"""
import sys
sys.argv = {["ragstone", *words]!r}
from ragstone.app.cli import main
try:
    main()
except SystemExit:
    pass
print("heavy:", *(name for name in {HEAVY!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy:"


def test_a_child_process_that_parses_starts_without_the_engine():
    program = "import sys, ragstone.ingest.worker; print(*(name for name in sys.modules if 'ragstone.app' in name))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
