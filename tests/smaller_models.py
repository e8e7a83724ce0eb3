"""Real weights with less of them, or with something changed that their file says."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any


def cut_to_one_layer(whole: Path, folder: Path) -> None:
    """Write a sentence-transformers folder with the first layer alone, and a tokenizer that knows no capitals."""
    from safetensors.numpy import load_file, save_file

    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    weights = load_file(whole / "model.safetensors")
    save_file(
        {name: array for name, array in weights.items() if not re.search(r"layer\.[1-5]\.", name)},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"num_hidden_layers": 1}))
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    tokenizer["normalizer"]["lowercase"] = False
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")


def cut_into_two_files(whole: Path, folder: Path) -> Path:
    """Write a sentence-transformers folder with its weights in two files, and give the last."""
    from safetensors.numpy import load_file, save_file

    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    weights = load_file(whole / "model.safetensors")
    parts = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    told = {name: parts[number > len(weights) // 2] for number, name in enumerate(weights)}
    for part in parts:
        save_file({name: weights[name] for name in weights if told[name] == part}, folder / part, {"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": told}))
    return folder / parts[-1]


def rewrite(
    reader: Any,
    target: Path,
    changed: dict[str, Callable[[Any], Any]],
    kept: Callable[[str], bool] = lambda _: True,
    **numbers: int,
) -> Path:
    """Write a model's file anew.

    Args:
        reader: gguf's, of the file that there is.
        target: The new file.
        changed: What becomes of the value of a key.
        kept: Whether a tensor of this name is kept.
        **numbers: Keys of llama's with their numbers.
    """
    import gguf

    writer = gguf.GGUFWriter(target, "llama")
    told = {f"llama.{key}": number for key, number in numbers.items()}
    for key, field in reader.fields.items():
        if not key.startswith("GGUF.") and key != "general.architecture" and key not in told:
            value = changed.get(key, lambda kept: kept)(field.contents())
            writer.add_key_value(key, value, field.types[0], *field.types[1:])
    for key, number in told.items():
        writer.add_uint32(key, number)
    for tensor in reader.tensors:
        if kept(tensor.name):
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target
