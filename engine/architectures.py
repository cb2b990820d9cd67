"""The architectures that can be tuned: data, a row each, for reading, writing, merging and adapting weights.

A name in a layer is transformers', and the value is that of the tensor in a GGUF file, as in
`model.layers.3.self_attn.q_proj.weight` and `blk.3.attn_q.weight`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_ATTENTION = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
}
_FEED_FORWARD = {"mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
_NORMS = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
_HEAD_NORMS = {"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm"}
_OUTER = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
_SIZES = {
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "block_count": "num_hidden_layers",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "rope.freq_base": "rope_theta",
}


@dataclass(frozen=True)
class Architecture:
    """One architecture, as GGUF files and as transformers write it."""

    gguf: str
    """Its name in a GGUF file."""
    model_type: str
    """Its name in transformers."""
    model_class: str
    """The class of transformers that computes it."""
    models: str
    """Models of this kind, for people."""
    end_of_turn: str
    """The token with which their chat templates end an answer."""
    default_system_prompt: bool = False
    """Whether their templates add a system prompt to chats without one, in training and serving alike."""
    thinks: bool = False
    """Whether their templates let the model think, unless they are told not to."""
    matrices: Mapping[str, str] = field(default_factory=lambda: _ATTENTION | _FEED_FORWARD)
    """The linear layers in each layer, which adapters train."""
    vectors: Mapping[str, str] = field(default_factory=lambda: _NORMS)
    """The other weights in each layer."""
    outer: Mapping[str, str] = field(default_factory=lambda: _OUTER)
    """The weights outside of the layers; a file without the head shares it with the embeddings."""
    biases: frozenset[str] = frozenset()
    """The linear layers that have a bias."""
    rotary_pairs: bool = False
    """Whether a GGUF file has the rows of query and key layers in the order of neighbouring pairs."""
    norm_offset: float = 0.0
    """What a GGUF file's norms are larger by."""
    channels: frozenset[str] = frozenset()
    """The weights with a dimension of one channel, [out, 1, in], which a GGUF file leaves out."""
    sizes: Mapping[str, str] = field(default_factory=lambda: _SIZES)
    """transformers' names of what a GGUF file says of its model, by key, without the architecture's name."""
    optional: frozenset[str] = frozenset({"attention.head_count_kv", "rope.freq_base"})
    """The keys in `sizes` that a file need not have."""
    head_size: tuple[str, ...] = ("head_dim",)
    """transformers' names of what follows from a head's width."""
    attention_layers: str = ""
    """What layers without heads for keys and values are, in transformers; empty if each layer has them."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What all models of this kind have in common, for transformers."""
    scaled_frequencies: bool = False
    """Whether a GGUF file may have factors for the rotary frequencies, as of Llama 3.1 and later."""
    max_layers: int | None = None
    """Of models that this row describes; larger ones compute otherwise."""
    logits_divisor: str = ""
    """transformers' name of what its model divides the logits by; empty if they are the head's output."""


_LLAMA = Architecture(
    gguf="llama",
    model_type="llama",
    model_class="LlamaForCausalLM",
    models="SmolLM2, Llama 2 to 3.2",
    end_of_turn="<|im_end|>, <|eot_id|>, </s>",
    rotary_pairs=True,
    scaled_frequencies=True,
)

ARCHITECTURES = (
    _LLAMA,
    Architecture(
        gguf="llama",
        model_type="mistral",
        model_class="MistralForCausalLM",
        models="Mistral, Mistral Nemo",
        end_of_turn="</s>",
        rotary_pairs=True,
    ),
    Architecture(
        gguf="qwen2",
        model_type="qwen2",
        model_class="Qwen2ForCausalLM",
        models="Qwen2, Qwen2.5",
        end_of_turn="<|im_end|>",
        default_system_prompt=True,
        biases=frozenset({"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}),
    ),
    Architecture(
        gguf="qwen3",
        model_type="qwen3",
        model_class="Qwen3ForCausalLM",
        models="Qwen3",
        end_of_turn="<|im_end|>",
        thinks=True,
        vectors=_NORMS | _HEAD_NORMS,
    ),
    Architecture(
        gguf="gemma3",
        model_type="gemma3_text",
        model_class="Gemma3ForCausalLM",
        models="Gemma 3 (texts), up to 12B",
        end_of_turn="<end_of_turn>",
        vectors={
            "input_layernorm": "attn_norm",
            "post_attention_layernorm": "post_attention_norm",
            "pre_feedforward_layernorm": "ffn_norm",
            "post_feedforward_layernorm": "post_ffw_norm",
        }
        | _HEAD_NORMS,
        norm_offset=1.0,
        sizes=_SIZES
        | {
            "attention.sliding_window": "sliding_window",
            "rope.freq_base_swa": "rope_local_base_freq",
        },
        optional=frozenset({"attention.head_count_kv", "rope.freq_base", "rope.freq_base_swa"}),
        head_size=("head_dim", "query_pre_attn_scalar"),
        max_layers=61,  # the one of 62 scales its attention by another number than the head's width
    ),
    Architecture(
        gguf="lfm2",
        model_type="lfm2",
        model_class="Lfm2ForCausalLM",
        models="LFM2, LFM2.5",
        end_of_turn="<|im_end|>",
        matrices={
            "self_attn.q_proj": "attn_q",
            "self_attn.k_proj": "attn_k",
            "self_attn.v_proj": "attn_v",
            "self_attn.out_proj": "attn_output",
            "conv.in_proj": "shortconv.in_proj",
            "conv.out_proj": "shortconv.out_proj",
            "feed_forward.w1": "ffn_gate",
            "feed_forward.w2": "ffn_down",
            "feed_forward.w3": "ffn_up",
        },
        vectors={
            "operator_norm": "attn_norm",
            "ffn_norm": "ffn_norm",
            "self_attn.q_layernorm": "attn_q_norm",
            "self_attn.k_layernorm": "attn_k_norm",
            "conv.conv": "shortconv.conv",
        },
        outer={
            "model.embed_tokens": "token_embd",
            "model.embedding_norm": "token_embd_norm",
            "lm_head": "output",
        },
        channels=frozenset({"conv.conv"}),
        sizes=_SIZES | {"attention.layer_norm_rms_epsilon": "norm_eps", "shortconv.l_cache": "conv_L_cache"},
        attention_layers="conv",
        settings={"block_auto_adjust_ff_dim": False, "conv_bias": False},
    ),
    Architecture(
        gguf="smollm3",
        model_type="smollm3",
        model_class="SmolLM3ForCausalLM",
        models="SmolLM3",
        end_of_turn="<|im_end|>",
        default_system_prompt=True,
        thinks=True,
        rotary_pairs=True,
        settings={"no_rope_layer_interval": 4},
    ),
    Architecture(
        gguf="granite",
        model_type="granite",
        model_class="GraniteForCausalLM",
        models="Granite 3, the dense ones of 4",
        end_of_turn="<|end_of_text|>",
        default_system_prompt=True,
        rotary_pairs=True,
        sizes=_SIZES
        | {
            "attention.scale": "attention_multiplier",
            "embedding_scale": "embedding_multiplier",
            "residual_scale": "residual_multiplier",
            "logit_scale": "logits_scaling",
        },
        logits_divisor="logits_scaling",
    ),
)


def of_gguf(name: str) -> Architecture | None:
    """Return the row of a GGUF file's architecture, None if it cannot be tuned."""
    return next((each for each in ARCHITECTURES if each.gguf == name), None)


def of_model_type(name: str) -> Architecture | None:
    """Return the row of a model of transformers, None if it is in no row."""
    return next((each for each in ARCHITECTURES if each.model_type == name), None)


def model_types() -> str:
    """Return transformers' names of all rows, as a clause."""
    return ", ".join(row.model_type for row in ARCHITECTURES)
