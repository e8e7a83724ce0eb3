import hashlib
import shutil
import threading
from pathlib import Path

from ragstone.retrieval.disk import bytes_below, sha256_of


def test_files_have_the_sha256_of_what_they_hold_one_after_another(tmp_path: Path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"one" * 1_000_000)
    second.write_bytes(b"two")
    assert sha256_of(second) == hashlib.sha256(b"two").hexdigest()
    assert sha256_of(first, second) == hashlib.sha256(b"one" * 1_000_000 + b"two").hexdigest()


def test_a_folder_is_measured_while_files_and_folders_in_it_come_and_go(tmp_path: Path):
    kept, over = tmp_path / "index", threading.Event()
    kept.mkdir()
    for number in range(100):
        (kept / str(number)).write_bytes(bytes(10))

    def change() -> None:
        while not over.is_set():
            (kept / ".new" / "made").mkdir(parents=True)
            for number in range(20):
                (kept / ".new" / "made" / str(number)).touch()
                (kept / f"{number}.temporary").touch()
            for number in range(20):
                (kept / f"{number}.temporary").unlink()
            shutil.rmtree(kept / ".new")

    changing = threading.Thread(target=change)
    changing.start()
    try:
        assert {bytes_below(kept) for _ in range(200)} == {1000}
    finally:
        over.set()
        changing.join()


def test_a_folder_that_is_not_there_takes_nothing(tmp_path: Path):
    assert bytes_below(tmp_path / "gone") == 0
