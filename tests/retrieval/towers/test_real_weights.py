"""The traps, on the packaged weights: one scale for a whole tensor, several threads, texts beside others."""

from pathlib import Path

import numpy as np
import pytest

from retrieval.encoders.builtin import BASE, BuiltinImageEncoder, Lite0Torch
from retrieval.encoders.lite0 import LITE0_BLOCKS, lite0_input
from retrieval.encoders.text import SentenceTransformerEncoder, minilm_folder
from retrieval.towers import export, prepare, serving
from retrieval.towers.checks import IMAGE_COSINE, SAME_COSINE, TEXT_COSINE, likeness
from retrieval.towers.session import OnnxTower
from retrieval.towers.text import SHORT, run

pytestmark = pytest.mark.model
TEXTS = (
    "A 58-year-old man had a chest radiograph before elective knee surgery. He has no cough or weight loss.",
    "CT shows a solitary 22 mm nodule in the right lower lobe with popcorn-like calcification and fat.",
    "Ring-enhancing lesion of the left temporal lobe with restricted diffusion and surrounding oedema.",
    "No pleural effusion, no pneumothorax, heart size is normal, the bones are intact.",
    "Sudden dyspnoea after a long flight; filling defect in the right pulmonary artery on CT angiography.",
    "The appendix is dilated to 11 mm with an appendicolith and fat stranding; free fluid is not seen.",
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[SentenceTransformerEncoder, Path]:
    folder = tmp_path_factory.mktemp("exported")
    reference = SentenceTransformerEncoder(minilm_folder(folder), name="minilm")
    export.export_text(reference.network_again(), folder / "float32.onnx", token_types=True)
    return reference, folder


def vectors(reference: SentenceTransformerEncoder, path: Path, float32: Path, numerics: str) -> np.ndarray:
    rows = [reference.whole_tokenizer.encode(text).ids for text in TEXTS]
    assert min(len(row) for row in rows) >= SHORT
    ways = {numerics: OnnxTower(path), "float32": OnnxTower(float32)}
    return run(ways, rows, numerics=numerics, padding=0, width=reference.dimension)


def test_one_scale_for_each_channel_holds_and_one_for_all_ruins_it(exported) -> None:
    reference, folder = exported
    expected, whole = reference.encode(TEXTS), folder / "float32.onnx"
    assert likeness(vectors(reference, whole, whole, "float32"), expected).least >= SAME_COSINE
    found = {}
    for per_channel in (True, False):
        target = folder / f"int8-{per_channel}.onnx"
        kept = next(rung for rung in export.rungs(whole) if len(rung) == 1)
        export.quantise(whole, target, but=kept, per_channel=per_channel)
        found[per_channel] = likeness(vectors(reference, target, whole, "int8"), expected).least
    assert found[True] >= TEXT_COSINE
    assert found[False] < TEXT_COSINE - 0.01


def test_a_session_runs_in_one_thread(exported) -> None:
    _, folder = exported
    options = OnnxTower(folder / "float32.onnx", threads=1)._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_the_image_network_gives_the_same_features(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    images = [random.integers(0, 256, (90 + 40 * number, 150, 3), dtype=np.uint8) for number in range(3)]
    images.append(np.full((224, 224, 3), 90, dtype=np.uint8))
    reference = Lite0Torch()
    made = prepare.prepare_images(
        serving.root_of(tmp_path),
        version=BASE,
        network=reference.network(),
        reference=reference.features,
        blocks=LITE0_BLOCKS,
        needs=serving.image_needs(BASE),
        sample=np.stack([lite0_input(image) for image in images]),
    )
    measured = made.about["measured"]["images"]["float32"]
    assert measured["cosine_least"] >= SAME_COSINE >= IMAGE_COSINE
    path = made.folder / "float32.onnx"
    if not path.exists():
        export.export_images(reference.network(), path, height=224, width=224)
    plain, fast = BuiltinImageEncoder(), BuiltinImageEncoder(tower=OnnxTower(path))
    assert fast.version == plain.version
    assert likeness(fast.encode(images), plain.encode(images)).least >= SAME_COSINE
