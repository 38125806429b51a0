"""The check of tuner.toml that pre-commit runs."""

from pathlib import Path

import pytest

from tuner.cli.check_settings import main

GOOD = """
[defaults]
seed = 1

[suite]
name = "nightly"
gates = ["p95 +10%"]

[[case]]
name = "orders"
target = "orders"
"""


def test_good_files_pass_without_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tuner.toml").write_text(GOOD)
    (tmp_path / "defaults.toml").write_text("[defaults.sweep]\nstrategy = 'speed'\n")
    assert main([str(tmp_path / "tuner.toml"), str(tmp_path / "defaults.toml")]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[defaults]\nsead = 1\n", "'sead' is no option"),
        (GOOD.replace("p95 +10%", "p95 +ten%"), "p95 +ten%"),
        ("[[case]]\nname = 'a'\n", "target"),
        ("[defaults\n", "is not TOML"),
        ("[store]\nretention = 'soon'\n", "soon"),
    ],
)
def test_each_mistake_is_named_with_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(GOOD)
    bad.write_text(text)
    assert main([str(good), str(bad)]) == 2
    told = capsys.readouterr().err
    assert says in told and str(bad) in told and str(good) not in told
