"""bench.engine: the shares and ratios of its figures, its texts, and the speed of trainings."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.common.machine import MatrixPeak
from bench.common.rounds import rotated
from bench.engine import log_probs, model_size, training_steps
from bench.engine.figures import STREAMS, Figures
from bench.engine.load import ChatRound
from bench.engine.texts import questions, texts
from bench.engine.training import ObservedStep, TrainingRun, tokens_per_second
from bench.engine.training_steps import MeasuredStep
from engine.messages import TrainingExample

ROOT = Path(__file__).resolve().parents[2]


def rounds(*speeds: float) -> list[ChatRound]:
    return [ChatRound(each, first=0.02) for each in speeds]


def figures() -> Figures:
    size = model_size.size_from_shapes(
        {"token_embd.weight": [8, 100], "blk.0.ffn_up.weight": [8, 16]}, weight_bytes=1000
    )
    return Figures(
        bandwidth=100_000.0,
        peak=MatrixPeak(gflops=2.0, dtype="bfloat16"),
        base=size,
        tuned=replace(size, weight_bytes=2000),
        learned_share=0.5,
        rounds={
            (name, streams): rounds(*speeds)
            for streams in STREAMS
            for name, speeds in (("base", (40, 50, 10)), ("tuned", (36, 45, 20)), ("llama.cpp", (20, 25, 5)))
        },
        serve_mib=900.0,
        baseline_mib=300.0,
        supervised=TrainingRun("ft:a", tokens_per_second=100_000.0, peak_gib=2.0),
        dpo=TrainingRun("ft:b", tokens_per_second=1.0, peak_gib=3.0),
        quiet_seconds=0.5,
        busy_seconds=1.5,
    )


def test_shares_are_of_the_bound_and_ratios_are_taken_within_a_round() -> None:
    summary = figures().summary()
    assert summary["share_of_bandwidth_bound"] == pytest.approx(40 / 100)
    assert summary["tuned_over_base"] == pytest.approx(0.9)  # the median of 0.9, 0.9 and 2.0
    assert summary["ttft_ms"] == pytest.approx(20)
    assert summary["chat_latency_ratio_while_training"] == pytest.approx(3)
    assert json.loads(json.dumps(summary)) == summary


def test_one_pass_over_the_weights_serves_all_streams() -> None:
    found = figures()
    assert found.bound(found.base, 8) == pytest.approx(800)
    assert found.bound(found.tuned, 1) == pytest.approx(50)


def test_the_table_shows_each_comparison() -> None:
    table = figures().table("a machine")
    shares = list(table.columns[3].cells)
    assert len(shares) == len(STREAMS) * 5 + 5
    assert "2.00" in shares  # the base over llama.cpp


def test_training_costs_six_flops_per_weight() -> None:
    size = model_size.size_from_shapes(
        {"token_embd.weight": [8, 100], "blk.0.ffn_up.weight": [8, 16]}, weight_bytes=1
    )
    assert (size.layers, size.head) == (128, 800)
    assert size.training_flops(0.5) == 6 * 128 + 6 * 400


def test_training_speed_excludes_the_time_before_the_first_step() -> None:
    assert tokens_per_second(
        1000, [ObservedStep(1, 100.0), ObservedStep(7, 109.0), ObservedStep(10, 109.0)]
    ) == pytest.approx(900 / 9)


def test_each_model_is_first_in_turn() -> None:
    names = ["base", "tuned", "llama.cpp"]
    assert [rotated(names, number)[0] for number in range(4)] == ["base", "tuned", "llama.cpp", "base"]
    assert sorted(rotated(names, 2)) == sorted(names)


def test_texts_are_valid_training_lines_and_always_the_same() -> None:
    first = texts(20)
    assert first == texts(20)
    for text in first:
        TrainingExample.model_validate(text.to_supervised())
    prompts = questions()
    assert len({next(prompts) for _ in range(50)}) > 45


def test_steps_are_compared_batch_by_batch() -> None:
    def steps(*seconds: float) -> list[MeasuredStep]:
        return [MeasuredStep(1000, each, cpu=2 * each, loss=2.0, peak_gib=each) for each in seconds]

    size = model_size.size_from_shapes({"token_embd.weight": [8, 100]}, weight_bytes=1)
    found = training_steps.summary(
        {"peer": steps(2.0, 6.0, 10.0), "all": steps(1.0, 2.0, 40.0)}, size, share=0.5
    )
    assert found["all"]["speedup"] == pytest.approx(2.0)  # the median of 2, 3 and 0.25
    assert found["all"]["cpu_ratio"] == pytest.approx(0.5)
    assert found["all"]["peak_gib"] == pytest.approx(40.0)
    assert found["peer"]["speedup"] == pytest.approx(1.0)


def test_scores_of_a_runtime_are_compared_token_by_token() -> None:
    torch = [[-1.0] * 9, [-2.0]]  # llama.cpp scores every eighth
    scores = {"torch": torch, "openvino": [[-1.1] * 9, [-1.9]], "llama.cpp": [[-1.0, -1.3], [-2.0]]}
    found = log_probs.summary("tuned", scores)
    assert found["tuned_torch"] == pytest.approx(-1.1)
    assert found["tuned_openvino_minus_torch"] == pytest.approx(-0.08)
    assert found["tuned_openvino_apart_a_token"] == pytest.approx(0.1)
    assert found["tuned_openvino_apart_a_text"] == pytest.approx(0.1)
    assert found["tuned_llama.cpp_minus_torch"] == pytest.approx(-0.1)
    assert found["tuned_llama.cpp_apart_a_text"] == pytest.approx(0.15)


def test_no_scored_text_is_trained_on() -> None:
    found = log_probs.texts(64, 40)
    assert len(found.training) == 64
    assert len(found.held_out) == 40
    for line in (*found.training, *found.held_out):
        TrainingExample.model_validate(line)
    assert not [line for line in found.held_out if line in found.training]
