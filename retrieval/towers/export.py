"""From torch to ONNX, and from float32 weights to int8."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OPSET = 17
FLOAT32, INT8 = "float32.onnx", "int8.onnx"
_MATMUL = "MatMul"


def export_text(model: Any, path: Path, *, token_types: bool) -> None:
    """A sentence-transformers model as ids and mask (n, tokens) int64 in, (n, dimension) L2-normalised out.

    Raises whatever torch raises for a network it cannot export.
    """
    import torch

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            features = {"input_ids": ids, "attention_mask": mask}
            if token_types:
                features["token_type_ids"] = torch.zeros_like(ids)
            found: torch.Tensor = self.model(features)["sentence_embedding"]
            return torch.nn.functional.normalize(found, dim=-1)

    ids = torch.ones((2, 9), dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    dynamic = {0: "texts", 1: "tokens"}
    _export(Whole(), (ids, mask), path, {"ids": dynamic, "mask": dynamic, "vectors": {0: "texts"}})


def export_images(network: Any, path: Path, *, height: int, width: int) -> None:
    """A module as (n, 3, height, width) float32 in, (n, dimension) out.

    Raises whatever torch raises for a network it cannot export.
    """
    import torch

    batch = torch.zeros((2, 3, height, width))
    _export(network, (batch,), path, {"images": {0: "images"}, "vectors": {0: "images"}})


def products(path: Path) -> list[tuple[str, int]]:
    """Name and inner width of each product with constant weights, in the order of the network."""
    import onnx

    graph = onnx.load(str(path)).graph
    weights = {each.name: tuple(each.dims) for each in graph.initializer}
    return [
        (node.name, int(weights[node.input[1]][0]))
        for node in graph.node
        if node.op_type == _MATMUL and len(weights.get(node.input[1], ())) == 2
    ]


def rungs(path: Path) -> Iterator[tuple[str, ...]]:
    """What to leave in float32, from nothing on: the widest products of the first layers lose the most by rounding."""
    found = products(path)
    widest = max((width for _, width in found), default=0)
    hardest = [name for name, width in found if width == widest]
    for count in dict.fromkeys((0, 1, 2, 3, len(hardest))):
        if count <= len(hardest) < len(found):
            yield tuple(hardest[:count])


def quantise(path: Path, target: Path, *, but: Collection[str] = (), per_channel: bool = True) -> None:
    """Constant weights of products as int8 with a scale for each output channel; what goes in is rounded at run time.

    Per tensor, one scale for all channels, ruins a text encoder: it is there so that a test can show it.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(
            str(path),
            str(target),
            per_channel=per_channel,
            reduce_range=False,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=[_MATMUL],
            nodes_to_exclude=list(but),
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": 1},
        )


def _export(network: Any, inputs: Sequence[Any], path: Path, axes: dict[str, dict[int, str]]) -> None:
    import torch

    *names, _ = axes
    fast = torch.backends.mha.get_fastpath_enabled()
    # A kernel of torch's own, which has no name in ONNX.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with _quiet(), torch.inference_mode():
            torch.onnx.export(
                network.eval(),
                tuple(inputs),
                str(path),
                input_names=names,
                output_names=["vectors"],
                dynamic_axes=axes,
                opset_version=OPSET,
                dynamo=False,
            )
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


@contextmanager
def _quiet() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
