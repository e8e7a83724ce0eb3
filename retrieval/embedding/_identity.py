"""Reading an embedding model's own configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..records import EmbedderIdentity


def describe(folder: Path, *, sha256: str, runtime: str, dimension: int, source: str) -> EmbedderIdentity:
    """Read a sentence-transformers folder's own configuration into an identity."""
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    kinds = [module["type"].rsplit(".", 1)[-1] for module in modules]
    pooling = "mean"
    for module in modules:
        config = folder / module["path"] / "config.json"
        if module["type"].endswith("Pooling") and config.is_file():
            pooling = _pooling_name(json.loads(config.read_text("utf-8")))
    prompts = _read_json(folder / "config_sentence_transformers.json").get("prompts") or {}
    return EmbedderIdentity(
        model=folder.name,
        sha256=sha256,
        dimension=dimension,
        max_tokens=_max_tokens(folder),
        pooling=pooling,
        normalized="Normalize" in kinds,
        query_prefix=prompts.get("query") or "",
        passage_prefix=prompts.get("document") or prompts.get("passage") or "",
        quantization="none",
        runtime=runtime,
        source=source,
    )


def weights_of(folder: Path) -> list[Path]:
    """The files of a model's weights: one, or the parts of a large model in their order."""
    return sorted(folder.glob("*.safetensors"))


def _pooling_name(config: dict[str, object]) -> str:
    if "pooling_mode" in config:
        return str(config["pooling_mode"])
    on = [name for name, value in config.items() if value is True and name.startswith("pooling_mode_")]
    chosen = [name.removeprefix("pooling_mode_").removesuffix("_tokens") for name in on]
    return "+".join(chosen) or "mean"


def _max_tokens(folder: Path) -> int:
    stated = _read_json(folder / "sentence_bert_config.json").get("max_seq_length")
    positions = _read_json(folder / "config.json").get("max_position_embeddings", 512)
    return int(stated or positions)


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}
