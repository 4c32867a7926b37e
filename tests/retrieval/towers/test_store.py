"""What was prepared is run for exactly what it was prepared for, or not at all."""

import json
from pathlib import Path

import pytest

from retrieval.errors import EncoderError
from retrieval.towers import store


def needs(**changes: object) -> dict:
    return {**store.dependencies(encoder="minilm@1", weights="abc", options={"opset": 17}), **changes}


def publish(root: Path, wanted: dict, content: bytes = b"network") -> store.Prepared:
    def make(folder: Path) -> dict:
        (folder / "float32.onnx").write_bytes(content)
        return {"encoder": "minilm@1", "roles": {"stored": "float32"}}

    return store.publish(root, "text", wanted, make)


def test_it_is_found_again_with_what_was_measured(tmp_path: Path) -> None:
    made = publish(tmp_path, needs())
    found = store.load(tmp_path, "text", needs())
    assert found is not None
    assert found.folder == made.folder
    assert found.about["roles"] == {"stored": "float32"}
    assert found.verified("float32.onnx").read_bytes() == b"network"


@pytest.mark.parametrize(
    "change",
    [
        {"weights": "other"},
        {"encoder": "minilm@2"},
        {"options": {"opset": 18}},
        {"libraries": {"onnxruntime": "2.0"}},
        {"processor": "another"},
        {"format": store.FORMAT + 1},
    ],
)
def test_anything_it_depends_on_makes_another(tmp_path: Path, change: dict) -> None:
    publish(tmp_path, needs())
    assert store.load(tmp_path, "text", needs(**change)) is None
    assert store.load(tmp_path, "images", needs()) is None


def test_a_changed_or_missing_file_is_not_run(tmp_path: Path) -> None:
    made = publish(tmp_path, needs())
    path = made.folder / "float32.onnx"
    for damage in (b"networl", b"", b"network "):
        path.write_bytes(damage)
        found = store.load(tmp_path, "text", needs())
        assert found is not None
        with pytest.raises(EncoderError, match="prepare_encoders"):
            found.verified("float32.onnx")
    path.unlink()
    with pytest.raises(EncoderError, match="prepare_encoders"):
        made.verified("float32.onnx")
    with pytest.raises(EncoderError, match="prepare_encoders"):
        made.verified("../../secret")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"needs": 1}', '{"needs": {}, "roles": {}, "files": {}}'])
def test_a_damaged_manifest_is_as_none(tmp_path: Path, text: str) -> None:
    made = publish(tmp_path, needs())
    (made.folder / "manifest.json").write_text(text)
    assert store.load(tmp_path, "text", needs()) is None


def test_a_manifest_under_another_name_is_not_believed(tmp_path: Path) -> None:
    made = publish(tmp_path, needs())
    other = needs(weights="other")
    made.folder.rename(tmp_path / store.name_of("text", other))
    assert store.load(tmp_path, "text", other) is None


def test_what_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    def fails(folder: Path) -> dict:
        (folder / "float32.onnx").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(EncoderError, match="No space left"):
        store.publish(tmp_path, "text", needs(), fails)
    assert list(tmp_path.iterdir()) == []


def test_what_is_old_is_removed_and_some_of_it_stays(tmp_path: Path) -> None:
    (tmp_path / ".unfinished-1").mkdir()
    made = [publish(tmp_path, needs(weights=str(number))) for number in range(store.KEPT + 4)]
    left = {path.name for path in tmp_path.iterdir()}
    assert made[-1].folder.name in left
    assert len(left) == store.KEPT + 1


def test_the_manifest_tells_everything_it_depends_on(tmp_path: Path) -> None:
    made = publish(tmp_path, needs())
    row = json.loads((made.folder / "manifest.json").read_text())
    assert row["needs"]["libraries"]["onnxruntime"]
    assert row["needs"]["processor"] == store.processor()
    assert row["files"] == {"float32.onnx": store.digest_of(made.folder / "float32.onnx")}
