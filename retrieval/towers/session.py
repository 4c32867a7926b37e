"""A tower in ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from retrieval.errors import EncoderError
from retrieval.types import Vectors


class OnnxTower:
    """An exported network. Safe to use from several threads.

    Args:
        path: the `.onnx` file; whoever opens it has verified its checksum.
        threads: of one pass. More than one on busy cores waits for the slowest.

    Raises:
        EncoderError: ONNX Runtime cannot read it.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        # A thread that waits must not burn the core another one needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise EncoderError(f"{path} cannot be read by ONNX Runtime: {type(error).__name__}.") from error
        self._names = [value.name for value in self._session.get_inputs()]

    def __call__(self, *inputs: Any) -> Vectors:
        """(n, dimension) float32 of the inputs in the order in which they were exported.

        Raises:
            EncoderError: the network refuses them.
        """
        try:
            (found,) = self._session.run(None, dict(zip(self._names, inputs, strict=True)))
        except Exception as error:
            raise EncoderError(f"ONNX Runtime failed: {type(error).__name__}.") from error
        return np.asarray(found, dtype=np.float32)
