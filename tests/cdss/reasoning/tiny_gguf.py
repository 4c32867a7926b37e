"""A llama model of a few kilobytes with random weights and one token per byte: it says nothing, but it runs."""

import struct
from pathlib import Path

import numpy as np

WIDTH, HIDDEN, CONTEXT = 32, 64, 32_768
TEMPLATE = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}\n{% endfor %}<|assistant|>"
UINT32, INT32, FLOAT32, STRING, ARRAY = 4, 5, 6, 8, 9


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(kind: int, value: object) -> bytes:
    return (
        _string(str(value)) if kind == STRING else struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f"}[kind], value)
    )


def _field(key: str, kind: int, value: object) -> bytes:
    return _string(key) + struct.pack("<I", kind) + _value(kind, value)


def _list(key: str, kind: int, values: list[object]) -> bytes:
    head = _string(key) + struct.pack("<IIQ", ARRAY, kind, len(values))
    return head + b"".join(_value(kind, value) for value in values)


def write_tiny_gguf(path: Path) -> Path:
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [2, 3, 3, *[6] * 256]
    block = {
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (WIDTH, WIDTH),
        "attn_v": (WIDTH, WIDTH),
        "attn_output": (WIDTH, WIDTH),
    }
    block |= {"ffn_gate": (HIDDEN, WIDTH), "ffn_up": (HIDDEN, WIDTH), "ffn_down": (WIDTH, HIDDEN)}
    block |= {"attn_norm": (WIDTH,), "ffn_norm": (WIDTH,)}
    shapes = {
        "token_embd.weight": (len(tokens), WIDTH),
        "output_norm.weight": (WIDTH,),
        "output.weight": (len(tokens), WIDTH),
    }
    shapes |= {f"blk.0.{name}.weight": shape for name, shape in block.items()}
    fields = [
        _field("general.architecture", STRING, "llama"),
        _field("llama.context_length", UINT32, CONTEXT),
        _field("llama.embedding_length", UINT32, WIDTH),
        _field("llama.block_count", UINT32, 1),
        _field("llama.feed_forward_length", UINT32, HIDDEN),
        _field("llama.attention.head_count", UINT32, 2),
        _field("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5),
        _field("llama.rope.dimension_count", UINT32, WIDTH // 2),
        _field("tokenizer.ggml.model", STRING, "llama"),
        _list("tokenizer.ggml.tokens", STRING, list(tokens)),
        _list("tokenizer.ggml.scores", FLOAT32, [0.0] * len(tokens)),
        _list("tokenizer.ggml.token_type", INT32, list(kinds)),
        _field("tokenizer.ggml.bos_token_id", UINT32, 1),
        _field("tokenizer.ggml.eos_token_id", UINT32, 2),
        _field("tokenizer.ggml.unknown_token_id", UINT32, 0),
        _field("tokenizer.chat_template", STRING, TEMPLATE),
    ]
    random = np.random.default_rng(1)
    described, data = b"", b""
    for name, shape in shapes.items():
        weights = np.ones(shape) if len(shape) == 1 else random.normal(0, 0.3, shape)
        described += _string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *reversed(shape))
        described += struct.pack("<IQ", 0, len(data))
        data += weights.astype("<f4").tobytes()
        data += b"\0" * (-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(fields)) + b"".join(fields) + described
    path.write_bytes(head + b"\0" * (-len(head) % 32) + data)
    return path
