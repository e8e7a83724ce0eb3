"""`ragstone models bench`"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import Number, emit_json, json_option, library_option, table

if TYPE_CHECKING:
    from ...eval.stats import Estimate
    from ...generation.llama import Perplexity
    from ...generation.llama.speed import LlamaBench
    from ..benching import Answered, ModelBench
    from ..choosing import Choice
    from ..settings import Settings

BUSY = 0.5
"""Cores that are busy before anything runs, above which figures are doubtful."""


@click.command()
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100), help="Times each speed is taken.")
@click.option("--prefill", default=512, show_default=True, type=click.IntRange(1), help="Tokens of the prompt.")
@click.option("--decode", default=128, show_default=True, type=click.IntRange(1), help="Tokens of the answer.")
@click.option(
    "--llama-bench", "tool", type=click.Path(path_type=Path), help="llama.cpp's own tool, to compare the speed with."
)
@click.option("--questions", type=click.IntRange(1), help="Ask only so many of the questions about the samples.")
@click.option("--no-quality", is_flag=True, help="Ask none.")
@click.option("--perplexity", is_flag=True, help="Of each model on the documents of your own library.")
@library_option
@click.option("--weights", type=click.Path(path_type=Path), help="A TOML file with the weights of the criteria.")
@click.option("--carbon-intensity", type=Number(0), metavar="G", help="Of your electricity, in g CO2e a kWh.")
@json_option
def bench(
    names: tuple[str, ...],
    rounds: int,
    prefill: int,
    decode: int,
    tool: Path | None,
    questions: int | None,
    no_quality: bool,
    perplexity: bool,
    library: Path | None,
    weights: Path | None,
    carbon_intensity: float | None,
    as_json: bool,
) -> int:
    """Compare chat models on this machine: speed, memory, quality, and which one to take.

    MODEL is a name of `ragstone models list` or a GGUF file, such as another quantization; by default all chat models
    that are here. The sample documents are what the questions are about; nothing leaves this machine. See
    `docs/models.md`.
    """
    from ...eval.decision import read_weights
    from ...generation.llama.speed import find_llama_bench
    from ..benching import Plan, machine, read_questions
    from ..benching import bench as measure
    from ..choosing import choose, perplexities
    from ..settings import Settings

    about, settings, weighed = machine(), Settings.load({"library": library}), read_weights(weights)
    found = find_llama_bench(tool)
    plan = Plan(
        rounds,
        prefill,
        decode,
        () if no_quality else read_questions(questions),
        _texts(settings) if perplexity else (),
    )
    models = _models(names, settings)
    if about["load"] > BUSY:
        click.secho(
            f"{about['load']} cores are busy with something else: trust the ratios only.", fg="yellow", err=True
        )
    results = list(measure(models, plan, settings, found, lambda step: click.echo(step, err=True)))
    choice = choose(results, weighed)
    if as_json:
        rows = [_model_json(result, settings, carbon_intensity) for result in results]
        document = {"machine": about, "llama_bench": _tool_json(found), "models": rows}
        document |= {"perplexity": [asdict(contrast) for contrast in perplexities(results)]}
        emit_json(document | {"choice": None if choice is None else _choice_json(choice)})
    else:
        _show(results, about, found, carbon_intensity)
        for contrast in perplexities(results):
            click.echo(str(contrast))
        if choice is not None:
            _show_choice(choice)
    for result in results:
        if result.error is not None:
            click.secho(f"Error: {result.name}: {result.error}", fg="red", err=True)
    failed = sum(result.error is not None for result in results)
    return 0 if not failed else 1 if failed == len(results) else 3


def _models(names: Sequence[str], settings: Settings) -> list[tuple[str, Path, str | None]]:
    """Of each model its name, its file, and its licence where the catalogue knows it."""
    from ...errors import ModelNotFoundError
    from ...generation.models import ModelStore

    store = ModelStore(settings.models_dir, settings.offline)
    names = list(dict.fromkeys(names)) or [model.name for model in store.installed() if model.kind == "chat"]
    if not names:
        raise ModelNotFoundError("no chat model is on this machine", remedy="Run `ragstone models pull NAME`")
    files, models = Counter(Path(name).name for name in names), []
    for name in names:
        known = store.catalogue.get(name)
        if known is not None and known.kind != "chat":
            raise click.BadParameter(f"{name} is no chat model.", param_hint="MODEL")
        short = Path(name).name if files[Path(name).name] == 1 else name
        models.append((short, store.path(name), known.licence if known else None))
    return models


def _texts(settings: Settings) -> list[str]:
    from ..benching import texts_of
    from ..engine import Ragstone

    with Ragstone.open(settings.library, create=False, settings=settings) as rag:
        return texts_of(rag)


# --json


def _model_json(result: ModelBench, settings: Settings, intensity: float | None) -> dict[str, Any]:
    facts, answered = result.facts, result.answered
    values = result.values
    return {
        "name": result.name,
        "path": str(result.path),
        "bytes": result.bytes,
        "licence": result.licence,
        "context": facts.trained_tokens if facts else None,
        "prefill_tps": result.tps("prefill", result.ours),
        "decode_tps": result.tps("decode", result.ours),
        "prefill_ratio": result.ratio("prefill"),
        "decode_ratio": result.ratio("decode"),
        "ratio_reason": result.no_ratio or None,
        "rounds": [asdict(run) for run in result.ours],
        "llama_bench_rounds": [asdict(run) for run in result.theirs],
        "first_token_ms": values["latency"],
        "first_tokens_ms": result.first_token_ms,
        "prompt_tokens": result.prompt_tokens,
        "peak_mb": round(result.peak_bytes / 1e6, 1) or None,
        "gpu_layers": facts.gpu_layers if facts else None,
        "layers": facts.layers if facts else None,
        "devices": list(facts.devices) if facts else None,
        "threads": result.threads,
        "flash_attention": settings.flash_attention,
        "kv_type": settings.kv_type,
        "quality": None if answered is None else _quality_json(answered),
        "energy": None if answered is None else _energy_json(answered, intensity),
        "perplexity": None if result.perplexity is None else _perplexity_json(result.perplexity),
        "error": None if result.error is None else str(result.error),
    }


def _quality_json(answered: Answered) -> dict[str, Any]:
    times = [ms for ms in answered.total_ms if ms is not None]
    return {
        "all": asdict(answered.estimate()),
        "answerable": asdict(answered.estimate(answerable=True)),
        "unanswerable": asdict(answered.estimate(answerable=False)),
        "answer_ms": statistics.median(times) if times else None,
        "correct": answered.correct,
    }


def _energy_json(answered: Answered, intensity: float | None) -> dict[str, Any]:
    return {
        "joules_per_answer": asdict(answered.joules),
        "gco2e_per_answer": _gco2e(answered, intensity),
        "reason": answered.energy_reason or None,
    }


def _gco2e(answered: Answered, intensity: float | None) -> float | None:
    from ...generation.energy import Energy

    return None if intensity is None else Energy(answered.joules.mean).gco2e(intensity)


def _perplexity_json(perplexity: Perplexity) -> dict[str, Any]:
    names = ("value", "low", "high")
    bounds = {name: getattr(perplexity, name) for name in names}
    return {name: value if math.isfinite(value) else None for name, value in bounds.items()} | {
        "tokens": perplexity.tokens,
        "windows": len(perplexity.windows),
    }


def _tool_json(tool: LlamaBench | None) -> dict[str, Any] | None:
    return None if tool is None else {"path": str(tool.path), "shares_library": tool.shares_library}


def _choice_json(choice: Choice) -> dict[str, Any]:
    matrix = choice.matrix
    return {
        "model": choice.model,
        "reason": choice.reason,
        "totals": matrix.totals,
        "weights": dict(matrix.weights),
        "values": {model: dict(row) for model, row in matrix.values.items()},
        "scores": {model: dict(row) for model, row in matrix.scores.items()},
        "unscored": dict(choice.unscored),
        "accuracy": [
            {"other": one.other, "difference": asdict(one.difference), "p_holm": one.p_holm} for one in choice.accuracy
        ],
        "warnings": choice.warnings,
    }


# For people


def _show(results: Sequence[ModelBench], about: dict[str, Any], tool: LlamaBench | None, co2: float | None) -> None:
    click.echo(f"{about['cpu']}, {about['cores']} cores, {about['memory_bytes'] / 1e9:.1f} GB, {about['system']}")
    if tool is None:
        click.echo("not measured: no llama-bench (make llama-bench builds it)")
    elif tool.shares_library is not True:
        click.secho(f"{tool.path} runs on another llama.cpp than Ragstone, as far as can be told.", fg="yellow")
    click.echo()
    measured = [result for result in results if result.ours]
    if measured:
        rows = [(about, *(of(result) for result in measured)) for about, of in _ROWS]
        rows.append(("g CO2e an answer", *(_co2(result, co2) for result in measured)))
        table(("", *(result.name for result in measured)), rows)
    for result in measured:
        if tool is not None and result.no_ratio:
            click.secho(f"{result.name} beside llama-bench: not measured ({result.no_ratio})", fg="yellow")


def _show_choice(choice: Choice) -> None:
    from ...eval.decision import CRITERIA

    matrix = choice.matrix
    click.secho("\nDecision", bold=True, nl=False)
    click.echo("  each score is the value's ratio to the best one's")
    models = list(matrix.totals)
    rows = [
        (name, f"{weight:.2f}", *(f"{matrix.scores[model][name]:.2f}" for model in models), CRITERIA[name].about)
        for name, weight in matrix.weights.items()
    ]
    rows.append(("total", "", *(f"{matrix.totals[model]:.2f}" for model in models), ""))
    table(("", "weight", *models, ""), rows)
    for name, why in choice.unscored.items():
        click.echo(f"{name} is unscored, and its weight spread over the others: {why}")
    click.echo("\nFor this machine: ", nl=False)
    click.secho(choice.model, bold=True, nl=False)
    click.echo(f" ({choice.reason})")
    for warning in choice.warnings:
        click.secho(f"{warning}.", fg="yellow")


def _speed_text(result: ModelBench, which: str) -> str:
    ratio, tps = result.ratio(which), result.tps(which, result.ours)
    beside = "" if ratio is None else f" (x{ratio:.3f} of llama-bench)"
    return "-" if tps is None else f"{tps:,.1f}{beside}"


def _layers_text(result: ModelBench) -> str:
    facts = result.facts
    return "-" if facts is None else ", ".join((f"{facts.gpu_layers} of {facts.layers}", *facts.devices))


def _share_text(result: ModelBench, answerable: bool | None) -> str:
    return "not asked" if result.answered is None else _estimate_text(result.answered.estimate(answerable))


def _estimate_text(value: Estimate) -> str:
    if value.mean is None:
        return f"unscored (n = 0, {value.n_unscored} unscored)"
    return f"{value.spread('.2f')} (n = {value.n})"


def _joules_text(result: ModelBench) -> str:
    answered = result.answered
    if answered is None or answered.joules.mean is None:
        return "unscored"
    return _estimate_text(answered.joules)


def _co2(result: ModelBench, intensity: float | None) -> str:
    grams = None if result.answered is None else _gco2e(result.answered, intensity)
    return "unscored" if grams is None else f"{grams:.4f}"


def _perplexity_text(result: ModelBench) -> str:
    one = result.perplexity
    return "-" if one is None else f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}] ({one.tokens:,} tokens)"


def _first_token_text(result: ModelBench) -> str:
    if not result.first_token_ms:
        return "-"
    tokens = statistics.median(result.prompt_tokens)
    return f"{statistics.median(result.first_token_ms):,.0f} ({tokens:.0f}-token prompt)"


_ROWS = (
    ("prefill, tokens/s", lambda r: _speed_text(r, "prefill")),
    ("decode, tokens/s", lambda r: _speed_text(r, "decode")),
    ("first token, ms", _first_token_text),
    ("peak memory, MB", lambda r: f"{r.peak_bytes / 1e6:,.0f}"),
    ("file, MB", lambda r: f"{r.bytes / 1e6:,.0f}"),
    ("layers on a GPU", _layers_text),
    ("threads", lambda r: str(r.threads)),
    ("longest context", lambda r: f"{r.facts.trained_tokens:,}" if r.facts else "-"),
    ("licence", lambda r: r.licence or "unknown"),
    ("right, all", lambda r: _share_text(r, None)),
    ("right, answerable", lambda r: _share_text(r, True)),
    ("right, unanswerable", lambda r: _share_text(r, False)),
    ("perplexity", _perplexity_text),
    ("joules an answer", _joules_text),
)
