"""Settings: from `ragstone.toml`, `RAGSTONE_*` and flags, the later ones winning. `docs/settings.md` is made from
this file."""

from __future__ import annotations

import difflib
import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from numbers import Real
from pathlib import Path, PurePath
from typing import Any, get_type_hints

import platformdirs

from ..errors import SettingsError
from ..retrieval.disk import as_path

CONFIG_FILE = "ragstone.toml"
PREFIX = "RAGSTONE_"
DEFAULT_EMBEDDING_MODEL = "all-minilm-l6-v2"
OTHER_VARIABLES = frozenset({"RAGSTONE_CONFIG", "RAGSTONE_BENCH_DATA", "RAGSTONE_API_KEY", "RAGSTONE_SMTP_PASSWORD"})


def _setting(
    default: Any, about: str, *, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()
) -> Any:
    return field(default=default, metadata={"about": about, "low": low, "high": high, "choices": choices})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting, with its default and range.

    Raises:
        SettingsError: A value is of the wrong type or out of range.
    """

    library: Path = _setting(Path(".ragstone"), "The library's folder.")
    models_dir: Path = _setting(platformdirs.user_cache_path("ragstone") / "models", "Where models are kept.")
    offline: bool = _setting(False, "Never use the network; what would need it fails with an error.")
    model: str = _setting(
        "qwen2.5-coder-1.5b",
        "The chat model: a name of `ragstone models list` or a GGUF file; with `server`, the model's name there.",
    )
    server: str = _setting(
        "",
        "The address of an OpenAI-compatible server that runs the chat model, such as `http://localhost:8080/v1`; by "
        "default it runs here. A key is read from the variable `RAGSTONE_API_KEY` only (see `docs/servers.md`).",
    )
    server_timeout: int = _setting(
        120, "How long a server may take until its first token, and for each next one, in seconds.", low=1, high=86_400
    )
    embedding_model: str = _setting(
        "",
        "The embedding model: a name, or a sentence-transformers folder. By default the one that the library's vectors "
        f"come from, for a new library `{DEFAULT_EMBEDDING_MODEL}`; `ragstone reindex` changes it.",
    )
    embedding_runtime: str = _setting(
        "auto",
        "What runs the embedding model: `openvino` on the CPU, `torch`, or torch for an ingest if there is a GPU.",
        choices=("auto", "openvino", "torch"),
    )
    chunker: str = _setting(
        "recursive",
        "How documents are cut (see `docs/chunking.md`).",
        choices=("recursive", "tokens", "sentences", "semantic", "page"),
    )
    chunk_tokens: int = _setting(200, "The most tokens of a chunk, in the embedding model's tokens.", low=32, high=8192)
    chunk_overlap: int = _setting(0, "The most tokens that a chunk repeats of the one before.", low=0, high=2048)
    chunk_prefix: bool = _setting(True, "Embed the document's title and the headings before each chunk.")
    ocr: str = _setting(
        "auto",
        "Recognize text in images: of pages without readable text (`auto`), of every PDF page (`force`), or never.",
        choices=("auto", "off", "force"),
    )
    duplicates: str = _setting(
        "report",
        "Near-duplicate documents: store them unseen, store and report them, or report and skip them.",
        choices=("keep", "report", "skip"),
    )
    jobs: int = _setting(0, "Files read at a time, each in a process of its own; 0 for half the cores.", low=0, high=64)
    parse_seconds: int = _setting(
        120, "How long the parser of a file, or of one page of it, may take.", low=1, high=86_400
    )
    parse_memory_mb: int = _setting(3072, "The most memory for the parser of a file, in MiB.", low=128, high=1 << 20)
    max_file_mb: int = _setting(512, "Larger files are not read, in MiB.", low=1, high=1 << 20)
    search_mode: str = _setting("hybrid", "How passages are searched for.", choices=("hybrid", "dense", "lexical"))
    reranker: str = _setting(
        "",
        "Reorder the best hits with this cross-encoder: a sentence-transformers folder, or `owner/name` on the hub.",
    )
    rerank_depth: int = _setting(20, "How many of the best hits the reranker reads.", low=1, high=1000)
    diversity: float = _setting(
        0.0,
        "Of a hybrid search: 0 orders hits by probability; up to 1, those like earlier ones come later.",
        low=0,
        high=1,
    )
    drop_copies: bool = _setting(
        True, "Leave near-identical hits out of a hybrid search; the one that stays names them."
    )
    widen: str = _setting(
        "none",
        "How far hits reach beyond the chunk found: to its neighbours, or its section.",
        choices=("none", "neighbours", "section"),
    )
    index_memory_mb: int = _setting(
        2048, "What the index's vectors may take in memory, in MiB; above it they are compressed.", low=1, high=1 << 20
    )
    hits: int = _setting(4, "The most passages given to the chat model.", low=1, high=50)
    min_confidence: float = _setting(
        0.5, "Answer only from this probability that the passages hold the answer.", low=0, high=1
    )
    strict: bool = _setting(False, "Leave sentences out of answers that no passage supports (see `docs/answers.md`).")
    context_share: float = _setting(
        0.05,
        "Give the chat model only passages at least this share as probable as the best one (see `docs/prompts.md`).",
        low=0,
        high=1,
    )
    context_trim: bool = _setting(False, "Of each passage, give it only the sentences near the question's words.")
    instructions: str = _setting(
        "cut",
        "Text that speaks to the assistant: keep it out of prompts, only flag it in `docs list`, or do not look for it "
        "(see `docs/safety.md`).",
        choices=("cut", "flag", "off"),
    )
    prompts_dir: str = _setting("", "Your own prompts: a file here replaces ours of that name (see `docs/prompts.md`).")
    prompt_style: str = _setting(
        "answer", "Answer at once, or reason first and show only the answer.", choices=("answer", "chain_of_thought")
    )
    few_shot: str = _setting("", "A JSON or JSONL file of examples, shown to the model as earlier turns.")
    context_tokens: int = _setting(4096, "The chat model's context: prompt and answer.", low=512, high=1 << 20)
    max_tokens: int = _setting(400, "The longest answer, in tokens.", low=1, high=1 << 16)
    temperature: float = _setting(0.0, "0 takes the likeliest token; higher draws more freely.", low=0, high=2)
    top_k: int = _setting(40, "Draw from the k likeliest tokens; 0 for all.", low=0, high=1000)
    top_p: float = _setting(0.95, "Draw from the likeliest tokens of this joint probability.", low=0, high=1)
    min_p: float = _setting(0.0, "Draw from tokens at least this share as probable as the first.", low=0, high=1)
    typical_p: float = _setting(1.0, "Draw from the tokens of the most expected information; 1 for all.", low=0, high=1)
    repeat_penalty: float = _setting(1.0, "Divides the logits of tokens that were used; 1 for none.", low=0.5, high=2)
    presence_penalty: float = _setting(0.0, "Is taken off the logits of tokens that were used.", low=-2, high=2)
    frequency_penalty: float = _setting(0.0, "... once for each time that they were.", low=-2, high=2)
    mirostat: int = _setting(
        0, "1 or 2 keeps the surprise near `mirostat_tau` instead of `top_k` and the like.", low=0, high=2
    )
    mirostat_tau: float = _setting(5.0, "The surprise aimed at, in nats.", low=0, high=10)
    mirostat_eta: float = _setting(0.1, "How fast it is corrected.", low=0, high=1)
    seed: int = _setting(0, "Seed of the drawing.", low=0, high=2**32 - 2)
    gpu_layers: str = _setting("auto", "`auto` (all, if they fit), `all`, or a number of layers.")
    threads: int = _setting(0, "CPU threads; 0 for one a physical core, fewer while others use them.", low=0, high=1024)
    parallel: int = _setting(2, "Answers in progress at a time, and prompts that stay in memory.", low=1, high=64)
    models_memory_mb: int = _setting(
        0,
        "What chat models that are loaded here may take together, in MiB; 0 for three quarters of the memory (see "
        "`docs/generation.md`).",
        low=0,
        high=1 << 24,
    )
    answer_seconds: int = _setting(0, "The longest that an answer may take; 0 for no limit.", low=0, high=86_400)
    kv_type: str = _setting(
        "f16", "How the context is stored; q8_0 takes half the memory, q4_0 a quarter.", choices=("f16", "q8_0", "q4_0")
    )
    fast_layout: bool = _setting(True, "Use the layout that `ragstone models tune` found faster on this processor.")
    flash_attention: str = _setting("auto", "Attention without its whole matrix.", choices=("auto", "on", "off"))
    rope: str = _setting(
        "none",
        "How positions are scaled where context_tokens exceeds what the model was trained on.",
        choices=("none", "linear", "yarn"),
    )
    prompt_lookup: bool = _setting(False, "Guess that answers copy from the passages; near-ties may go either way.")
    prefix_cache_mb: int = _setting(
        256,
        "What was read of prompts is kept in the library's folder, up to so many MiB; 0 for nothing.",
        low=0,
        high=1 << 20,
    )
    adapters: str = _setting("", "LoRA adapters: `PATH` or `PATH=SCALE`, separated by commas.")
    monitor: str = _setting(
        "off",
        "What the library keeps of every question that is asked: nothing; figures without any text; these and the "
        "question's embedding; or these and its text (see `docs/monitoring.md`).",
        choices=("off", "figures", "embeddings", "text"),
    )
    monitor_days: int = _setting(90, "How long it is kept, in days.", low=1, high=3650)

    def __post_init__(self) -> None:
        for name, about in _FIELDS.items():
            value = getattr(self, name)
            if value is not about.default:
                object.__setattr__(self, name, _checked(name, value, type(self).__name__))
        if self.chunk_overlap > self.chunk_tokens // 4:
            raise SettingsError(
                f"chunk_overlap is {self.chunk_overlap} and chunk_tokens {self.chunk_tokens}",
                remedy=f"Set chunk_overlap to at most a quarter, {self.chunk_tokens // 4}",
            )

    @classmethod
    def load(
        cls,
        flags: Mapping[str, Any] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        config: Path | None = None,
        given_by: str = "the command line",
    ) -> Settings:
        """Read the settings.

        Args:
            flags: Values given on the command line or in code; None stands for "not given".
            environment: Instead of the process's own variables.
            config: Instead of `RAGSTONE_CONFIG` and `./ragstone.toml`.
            given_by: What errors name as the giver of the flags.

        Raises:
            SettingsError: A name is unknown (the nearest one is named), a value is of the wrong type or out of range.
        """
        environment = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        for source, given in (
            _from_file(config, environment),
            ("the environment", _from_environment(environment)),
            (given_by, {name: value for name, value in (flags or {}).items() if value is not None}),
        ):
            values |= {name: _checked(name, value, source) for name, value in given.items()}
        return _anchored(cls(**values))

    @staticmethod
    def about(name: str) -> Mapping[str, Any]:
        """What is known of a setting: `about` it in words, the `low` and `high` end of its range, its `choices`."""
        return _FIELDS[name].metadata

    @staticmethod
    def checked(name: str, value: Any, source: str) -> Any:
        """A value as its setting has it.

        Args:
            name: Of the setting.
            value: As it was given, such as a text.
            source: What gives it: for the error.

        Raises:
            SettingsError: The name is unknown, the value is of the wrong type or out of range.
        """
        return _checked(name, value, source)

    def with_values(self, values: Mapping[str, Any], source: str = "the chat") -> Settings:
        """These settings with other values for some, by name.

        Raises:
            SettingsError: A name is unknown, a value is of the wrong type or out of range.
        """
        given = {name: _checked(name, value, source) for name, value in values.items()}
        return _anchored(replace(self, **given))


_TRUTH = {"1": True, "true": True, "yes": True, "on": True} | {"0": False, "false": False, "no": False, "off": False}
_TYPES: dict[str, type] = get_type_hints(Settings)
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}
_FIELDS = {f.name: f for f in fields(Settings)}


def _from_file(config: Path | None, environment: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    named = config or (Path(environment["RAGSTONE_CONFIG"]) if "RAGSTONE_CONFIG" in environment else None)
    path = named or Path(CONFIG_FILE)
    if named is None and not path.is_file():
        return str(path), {}
    try:
        return str(path), tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"cannot be read ({error})", path=path, remedy="Correct the file or remove it") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    named = {name for name in environment if name.startswith(PREFIX)} - OTHER_VARIABLES
    return {name.removeprefix(PREFIX).lower(): environment[name] for name in sorted(named)}


def _checked(name: str, value: Any, source: str) -> Any:
    if name not in _FIELDS:
        near = difflib.get_close_matches(name, _FIELDS, n=1)
        raise SettingsError(
            f"{source} sets {name!r}, which is no setting",
            remedy=f"Did you mean {near[0]!r}?" if near else "See `docs/settings.md` for all of them",
        )
    try:
        value = _converted(value, _TYPES[name])
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"{source} sets {name} to {value!r}", remedy=f"Give it {_KINDS[_TYPES[name]]}") from error
    except OverflowError:  # no float can hold it: it is out of any range, and too long to be told
        value = math.inf if value > 0 else -math.inf
    about = _FIELDS[name].metadata
    if about["choices"] and value not in about["choices"]:
        raise SettingsError(f"{source} sets {name} to {value!r}", remedy=f"Choose one of {', '.join(about['choices'])}")
    if about["low"] is not None and not about["low"] <= value <= about["high"]:
        raise SettingsError(
            f"{source} sets {name} to {value}", remedy=f"Choose a value from {about['low']} to {about['high']}"
        )
    if name == "gpu_layers" and value not in ("auto", "all") and not value.isdecimal():
        raise SettingsError(f"{source} sets gpu_layers to {value!r}", remedy="Choose auto, all or a number of layers")
    return value


def _converted(value: Any, kind: type) -> Any:
    if kind is bool:
        return value if isinstance(value, bool) else _TRUTH[str(value).strip().lower()]
    if kind is Path:
        path = as_path(value)
        if path is None or value == "":
            raise ValueError("no path")
        return expanded(path)
    if kind is not str and isinstance(value, Real):
        float(value)  # raises OverflowError
    fraction = isinstance(value, float) and not value.is_integer()
    if isinstance(value, bool) or not isinstance(value, (str, Real, PurePath)) or (kind is int and fraction):
        raise TypeError(f"not of type {kind.__name__}")
    return kind(value)


def expanded(path: str | Path) -> Path:
    """The path with the home folder in place of `~` or `~name`.

    Raises:
        SettingsError: There is no such user, or no home folder is known.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise SettingsError(f"of {str(path)!r} no home folder is known", remedy="Write out the whole path") from error


def require_settings(given: object) -> None:
    """Make sure that settings are what is given as such.

    Raises:
        SettingsError: It is something else.
    """
    if not isinstance(given, Settings):
        raise SettingsError(
            f"settings is a {type(given).__name__}",
            remedy="Give `ragstone.Settings(...)`, such as `Settings(hits=3)`",
        )


def _anchored(settings: Settings) -> Settings:
    """These settings with whole paths, which mean the same when the current folder is another one."""
    changed: dict[str, Any] = {"models_dir": settings.models_dir.absolute()}
    changed |= {name: _whole(getattr(settings, name)) for name in ("prompts_dir", "few_shot")}
    changed["adapters"] = ",".join(map(_whole_adapter, settings.adapters.split(",")))
    for name in ("embedding_model", "reranker") if settings.server else ("model", "embedding_model", "reranker"):
        if getattr(settings, name) != _FIELDS[name].default:
            changed[name] = _lasting_name(getattr(settings, name), changed["models_dir"])
    return replace(settings, **changed)


def _whole(path: str) -> str:
    return str(expanded(path).absolute()) if path else ""


def _whole_adapter(given: str) -> str:
    path, equals, scale = given.strip().rpartition("=") if "=" in given else (given.strip(), "", "1")
    whole = _whole(path)
    if "," in whole:  # the current folder's, which parts adapters here
        return given
    return f"{whole}={scale}" if equals or "=" in whole else whole


def _lasting_name(model: str, models_dir: Path) -> str:
    if model.endswith(".gguf") or model.startswith(("./", "../", "~")):
        return _whole(model)
    from ..generation.models import ModelStore

    return ModelStore(models_dir, offline=True).lasting_name(model)


def table() -> str:
    """All settings as a Markdown table."""
    rows = ["| Setting | Variable | Default | Range | What it does |", "| --- | --- | --- | --- | --- |"]
    for f in fields(Settings):
        about = f.metadata
        span = ", ".join(about["choices"]) or ("" if about["low"] is None else f"{about['low']} to {about['high']}")
        plain = str(f.default).lower() if isinstance(f.default, bool) else str(f.default)  # as a TOML file has it
        default = "your cache folder" if f.name == "models_dir" else plain or '""'
        rows.append(f"| `{f.name}` | `{PREFIX}{f.name.upper()}` | `{default}` | {span} | {about['about']} |")
    return "\n".join(rows)


def page() -> str:
    """The text of `docs/settings.md`."""
    return f"""# Settings

Each setting can be given in `{CONFIG_FILE}` in the current folder (or the file that `{PREFIX}CONFIG` names), as a
variable, or as a keyword of `Ragstone.open`; some are flags of a command. A flag beats a variable, a variable beats
the file. An unknown name is refused, with the nearest one named.

{table()}
"""
