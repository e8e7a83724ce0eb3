"""`ragstone eval pull` against a small hub on this machine."""

from pathlib import Path

from ragstone.tests.conftest import Cli
from ragstone.tests.small_hub import REVISION, TRUTHS, small_hub


def test_a_set_is_brought_from_the_hub_and_what_is_something_else_is_not_kept(
    ragstone_cli: Cli, tmp_path: Path
) -> None:
    data = tmp_path / "sets"
    with small_hub() as address:
        env = {"HF_ENDPOINT": address, "RAGSTONE_BENCH_DATA": str(data)}
        other = ragstone_cli("eval", "pull", "bbq", "somebody/truths", env=env)
        assert (other.code, other.stdout) == (1, "")
        assert "somebody/truths does not hold bbq in the form in which it was published" in other.error
        assert not list((data / "bias").iterdir())
        brought = ragstone_cli(
            "eval", "pull", "truthfulqa", "somebody/truths", "--below", "v1", "--revision", REVISION, env=env
        )
    assert (brought.code, brought.stdout.strip(), brought.stderr) == (0, str(data / "truth" / "truthfulqa"), "")
    kept = {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert kept == {"truth/truthfulqa/TruthfulQA.csv": TRUTHS}


def test_nothing_is_brought_offline_or_over_what_is_there_or_for_several_sets(
    ragstone_cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "bias" / "bbq").mkdir(parents=True)
    (tmp_path / "truth").write_text("no folder")
    for code, name, said in (
        (1, "bbq", "bias/bbq: bbq is here already. Delete the folder"),
        (1, "winobias", "winobias is not here and must not be downloaded. Unset RAGSTONE_OFFLINE"),
        (2, "questions", "questions is not one set of published data"),
        (2, "own", "own has no published data. It asks your own --questions"),
    ):
        refused = ragstone_cli(
            "eval", "pull", name, "somebody/truths", "--data", tmp_path, env={"RAGSTONE_OFFLINE": "1"}
        )
        assert refused.code == code and said in refused.error
    unwritable = ragstone_cli("eval", "pull", "truthfulqa", "somebody/truths", "--data", tmp_path)
    assert unwritable.code == 1 and "truthfulqa cannot be stored (not a directory)" in unwritable.error
