"""A library in a folder that this process may not write to, as root of another process may."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ragstone.retrieval.library import DATABASE, Library

READER = """
import sys
from pathlib import Path
from ragstone.errors import LibraryWriteError
from ragstone.retrieval.analysis import query_terms
from ragstone.retrieval.index import Index
from ragstone.retrieval.library import Library

library = Library(Path(sys.argv[1]))
index = Index.load(library)
for _ in sys.stdin:
    index = index.refreshed(library)
    found = index.lexical(list(library.term_ids(query_terms("apple")).values()), 10)
    print(*library.counts(), len(found), len(index), flush=True)
try:
    library.remove([1])
except LibraryWriteError as error:
    print(error.remedy, flush=True)
"""


@pytest.fixture
def closed(library: Callable[..., Library], file, tmp_path: Path) -> Iterator[Library]:
    """A library of one file in a folder without the right to write."""
    one = library()
    one.store(file("a.txt", "apple"))
    one.close()
    change(one.folder, 0o555, 0o444)
    yield one
    change(one.folder, 0o755, 0o644)


def change(folder: Path, folder_mode: int, file_mode: int) -> None:
    for path in folder.iterdir():
        path.chmod(file_mode)
    folder.chmod(folder_mode)


def test_a_reader_without_rights_follows_what_another_process_writes(
    closed: Library, file, library: Callable[..., Library], bound_by_permissions: Callable[[], None]
):
    before = sorted(path.name for path in closed.folder.iterdir())
    assert f"{DATABASE}-wal" not in before
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, closed.folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=bound_by_permissions,
    )
    assert reader.stdin
    assert reader.stdout

    def told() -> str:
        reader.stdin.write("\n")
        reader.stdin.flush()
        return reader.stdout.readline().strip()

    assert told() == "1 1 1 1"
    assert sorted(path.name for path in closed.folder.iterdir()) == before
    closed.folder.chmod(0o755)
    (closed.folder / DATABASE).chmod(0o644)
    writer = library(closed.folder)
    writer.store(file("b.txt", "apple", "pear"))
    assert (closed.folder / f"{DATABASE}-wal").exists()
    assert told() == "2 3 2 3"
    writer.store(file("c.txt", "apple"))
    assert told() == "3 4 3 4"
    writer.close()
    assert not (closed.folder / f"{DATABASE}-wal").exists()
    change(closed.folder, 0o555, 0o444)
    assert told() == "3 4 3 4"
    output, _ = reader.communicate()
    assert "make the folder writable" in output
    assert reader.returncode == 0
