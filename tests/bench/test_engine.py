"""bench.engine: the shares and ratios of its figures, its texts, and the speed of trainings."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.common.machine import MatrixPeak
from bench.common.rounds import rotated
from bench.engine import log_probs, model_size, serving
from bench.engine.figures import Figures
from bench.engine.first_loop import FirstLoop, Forecast
from bench.engine.load import ChatRound
from bench.engine.serving import STREAMS, Serving
from bench.engine.texts import author_prompts, questions, texts
from bench.engine.training import ObservedStep, TrainingRun, tokens_per_second
from bench.engine.training_steps import MeasuredStep, Training
from engine.messages import TrainingExample

ROOT = Path(__file__).resolve().parents[2]


PEAK = MatrixPeak(gflops=2.5, training_gflops=2.0, dtype="bfloat16")
SPEEDS = {
    serving.BASE: (40, 50, 10),
    serving.TUNED: (36, 45, 20),
    serving.PEER: (18, 15, 20),
    serving.PEER_BASE: (10, 10, 10),
    serving.LLAMA: (20, 25, 5),
}


def rounds(*speeds: float) -> list[ChatRound]:
    return [ChatRound(each, first=1 / each, cpu_per_token=2 / each) for each in speeds]


def measured() -> Serving:
    size = model_size.size_from_shapes(
        {"token_embd.weight": [8, 100], "blk.0.ffn_up.weight": [8, 16]}, weight_bytes=1000
    )
    return Serving(
        runtime="openvino",
        bandwidth=100_000.0,
        base=size,
        tuned=replace(size, weight_bytes=2000),
        packed_bytes=500,
        rounds={
            (name, load): rounds(*speeds)
            for load in (*STREAMS, serving.BUILD)
            for name, speeds in SPEEDS.items()
        },
        serve_mib=900.0,
        two_models_mib=700.0,
        peer_mib=600.0,
        llama_mib=300.0,
        supervised=TrainingRun("ft:a", tokens_per_second=100_000.0, peak_gib=2.0),
        dpo=TrainingRun("ft:b", tokens_per_second=1.0, peak_gib=3.0),
        quiet_seconds=0.5,
        busy_seconds=1.5,
    )


def loop(*forecasts: Forecast) -> FirstLoop:
    return FirstLoop(
        examples=294, start=4.0, build=60.0, first_step=5.0, training=115.0, answer=1.0, forecasts=forecasts
    )


def steps(*seconds: float) -> list[MeasuredStep]:
    return [MeasuredStep(1000, each, cpu=2 * each, loss=2.0, peak_gib=each) for each in seconds]


def training() -> Training:
    kinds = {"peer": steps(2.0, 6.0, 10.0), "all": steps(1.0, 2.0, 40.0), "adapter": steps(1.0, 1.0, 1.0)}
    return Training(kinds, model_size.size_from_shapes({"token_embd.weight": [8, 100]}, weight_bytes=1), 0.5)


def test_shares_are_of_the_bound_and_ratios_are_taken_within_a_round() -> None:
    summary = measured().summary()
    assert summary["share_of_bandwidth_bound"] == pytest.approx(40 / 100)
    assert summary["tuned_over_base"] == pytest.approx(0.9)  # the median of 0.9, 0.9 and 2.0
    assert [summary[f"speedup_{streams}"] for streams in STREAMS] == pytest.approx([2.0] * 4)  # of 2, 3, 1
    assert summary["speedup_build"] == pytest.approx(4.0)
    assert summary["cpu_per_token_ratio_8"] == pytest.approx(0.5)
    assert summary["ttft_ms"] == pytest.approx(25)
    assert summary["ttft_16_ms"] == pytest.approx(1000 / 36)
    assert summary["chat_latency_ratio_while_training"] == pytest.approx(3)


def test_one_pass_over_the_weights_serves_all_streams() -> None:
    found = measured()
    assert found.bound(found.base, 8) == pytest.approx(800)
    assert found.bound(found.tuned, 1) == pytest.approx(50)


def test_the_table_and_the_summary_show_each_part() -> None:
    found = Figures(PEAK, 0.5, measured(), training(), loop(Forecast(5, said=60, took=50)))
    table = found.table("a machine")
    first, *_, shares = [list(column.cells) for column in table.columns]
    assert "4.00" in shares  # a build, beside llama.cpp
    assert {"tuned, 16 streams", "tuning, all", "294 examples written"} <= set(first)
    summary = found.summary()
    assert json.loads(json.dumps(summary)) == summary
    assert (summary["train_speedup"], summary["train_speedup_adapter"]) == (2.0, 6.0)
    assert summary["first_loop_minutes"] == pytest.approx(3.0)
    assert "speedup_8" not in Figures(PEAK, 0.5, None, training(), None).summary()


def test_a_forecast_counts_from_the_fifth_step_and_until_little_is_left() -> None:
    assert loop().forecast_error is None
    forecasts = [
        Forecast(2, said=900, took=100),
        Forecast(5, said=70, took=80),
        Forecast(9, said=65, took=50),
        Forecast(19, said=30, took=10),
    ]
    assert loop(*forecasts).forecast_error == pytest.approx(0.3)


def test_training_costs_six_flops_per_weight() -> None:
    size = model_size.size_from_shapes(
        {"token_embd.weight": [8, 100], "blk.0.ffn_up.weight": [8, 16]}, weight_bytes=1
    )
    assert (size.layers, size.head) == (128, 800)
    assert size.training_flops(0.5) == 6 * 128 + 6 * 400
    assert size.training_flops(0.5, frozen=True) == 4 * 128 + 4 * 400


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
    assert len({str(next(prompts)) for _ in range(50)}) > 45
    beginning = next(author_prompts())
    assert beginning.messages[-1]["role"] == "assistant"
    assert beginning.parameters["max_completion_tokens"] < 100


def test_steps_are_compared_batch_by_batch() -> None:
    found = training().by_kind()
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
