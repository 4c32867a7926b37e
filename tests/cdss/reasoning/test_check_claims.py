import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command


def run(folder: Path, *lines: str) -> list[dict[str, object]]:
    (folder / "claims.jsonl").write_text("\n".join(lines), encoding="utf-8")
    call_command("check_claims", input=folder / "claims.jsonl", output=folder / "verdicts.jsonl")
    return [json.loads(line) for line in (folder / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()]


def claim(**fields: object) -> str:
    return json.dumps({"id": "a", "claim": "The mass enhances.", "passage": "On CT the mass enhances early.", **fields})


def test_each_claim_gets_a_verdict_in_order(tmp_path: Path) -> None:
    found = run(tmp_path, claim(), "", claim(id=2, claim="The mass does not enhance."))
    assert found == [
        {
            "id": "a",
            "support": "supported",
            "reasons": [],
            "quote": "On CT the mass enhances early.",
            "start": 0,
            "end": 30,
        },
        {
            "id": 2,
            "support": "unsupported",
            "reasons": ["negation"],
            "quote": "On CT the mass enhances early.",
            "start": 0,
            "end": 30,
        },
    ]


@pytest.mark.parametrize(
    "case", ["A 58-year-old man.", {"age": 58, "sex": "man", "history": None}, {"history": "58-year-old man"}]
)
def test_a_case_may_be_text_or_fields(tmp_path: Path, case: object) -> None:
    (found,) = run(tmp_path, claim(claim="This case is of a 58-year-old man.", case=case))
    assert found["support"] == "supported"


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        '{"claim": "x", "passage": "y"}',
        claim(id=None),
        claim(id=True),
        claim(claim=""),
        claim(passage=None),
        claim(passage=["x"]),
        claim(case=[1]),
        claim(case={"history": {"x": 1}}),
        "[" * 100_000,
    ],
)
def test_a_bad_line_is_reported_by_number_and_the_rest_is_checked(
    tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError) as raised:
        run(tmp_path, claim(), line, claim(id="c"))
    assert raised.value.returncode == 1
    assert capsys.readouterr().err.startswith("line 2: ")
    written = (tmp_path / "verdicts.jsonl").read_text().splitlines()
    assert [json.loads(row)["id"] for row in written] == ["a", "c"]


def test_a_file_that_cannot_be_read_leaves_the_old_verdicts(tmp_path: Path) -> None:
    (tmp_path / "verdicts.jsonl").write_text("old")
    with pytest.raises(CommandError) as raised:
        call_command("check_claims", input=tmp_path / "none.jsonl", output=tmp_path / "verdicts.jsonl")
    assert raised.value.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["verdicts.jsonl"]
    assert (tmp_path / "verdicts.jsonl").read_text() == "old"
