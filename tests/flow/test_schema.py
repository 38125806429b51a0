"""`tuner schema` says how documents and `tuner.toml` look; ``support.documents`` holds every
document of the tests against it.
"""

import json
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from support.commands import Run
from support.documents import check
from tuner.api.schema import names, schema
from tuner.options.manage import DOCUMENTS
from tuner.suites import suite_file
from tuner.suites.suite_init import write_suite


def test_there_is_a_schema_of_every_document(tuner: Run) -> None:
    assert names() == list(DOCUMENTS)
    for name in names():
        code, out, _ = tuner("schema", name)
        assert code == 0
        found = json.loads(out)
        jsonschema.Draft202012Validator.check_schema(found)
        assert found["title"] == name if name == "tuner.toml" else f"tuner.{name}/1"
    code, _, err = tuner("schema", "tuner.sweeps/1")
    assert code == 2 and "There are: sweep, load, fleet, forecast, bench, compare" in err
    assert schema("tuner.sweep/1") == schema("sweep")


@pytest.fixture
def documents(tuner: Run) -> dict[str, list[dict[str, Any]]]:
    """A document of each kind."""
    rows = [f"{mb},{50_000 / mb + n}" for mb in (128, 256, 512) for n in range(9)]
    Path("rec.csv").write_text("\n".join(["memory_mb,duration_ms", *rows]))
    Path("tuner.toml").write_text(
        '[[case]]\nname = "a"\ntarget = "replay:rec.csv"\nsizes = 512\ngates = ["p50 +10%"]\n'
    )
    first = json.loads(tuner("sweep", "replay:rec.csv", "--memory", "256", "--json", "-")[1])["run"]
    commands = {
        "sweep": ("sweep", "replay:rec.csv", "--memory", "recorded", "--traffic", "20rps"),
        "compare": ("compare", first, "last"),
        "load": ("load", "replay:rec.csv", "--memory", "512", "--rate", "20", "--duration", "2s"),
        "bench": ("bench", "--against", "replay:rec.csv"),
        "doctor": ("doctor", "replay:rec.csv"),
    }
    found = {}
    for name, words in commands.items():
        code, _, err = tuner(*words, "--json", f"{name}.json")
        assert code in (0, 1, 3), err
        found[name] = [json.loads(Path(f"{name}.json").read_text())]
    assert tuner("runs", "export", "last", "run.jsonl")[0] == 0
    found["run"] = [json.loads(line) for line in Path("run.jsonl").read_text().splitlines()]
    return found


def test_a_field_that_is_missing_or_has_another_name_is_noticed(
    documents: dict[str, list[dict[str, Any]]],
) -> None:
    for name, each in documents.items():
        for document in each[:3]:
            check(document, name, closed=False)
            for path in _fields(document):
                changed = deepcopy(document)
                part: Any = changed
                for step in path[:-1]:
                    part = part[step]
                part[f"{path[-1]}_"] = part.pop(path[-1])
                with pytest.raises(AssertionError):
                    check(changed, name, closed=False)


#: Their fields go by whatever they are of, such as the options of a run.
MAPS = {
    "parameters", "price", "choices", "throttles", "options", "platform", "body", "intervals",
    "latency_ms", "service_ms", "lag_ms", "duration_ms", "cold_ms", "backoff_ms",
    "time_to_success_ms",
}  # fmt: skip


def _fields(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all fields that have to be there, of lists those of the first item."""
    if isinstance(document, list):
        return _fields(document[0], (*path, 0)) if document else []
    if not isinstance(document, dict) or (path and path[-1] in MAPS):
        return []
    found = []
    for name, value in document.items():
        found += [(*path, name), *_fields(value, (*path, name))]
    return found


def problems(text: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema("tuner.toml"))
    return [error.message for error in validator.iter_errors(tomllib.loads(text))]


def test_a_suite_that_init_writes_is_as_the_schema_says(tuner: Run) -> None:
    write_suite("demo:cpu", Path("tuner.toml"))
    assert problems(Path("tuner.toml").read_text()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[defaults]\nslo = ['p95<1s']\nrate = 20\n[defaults.load]\nusers = 3", ""),
        ("[[case]]\nname = 'a'\ntarget = 'f'\npayload = {x = 1}\nenv = {A = 'b'}", ""),
        ("[environments.prod]\nregion = 'eu-west-1'\ntargets = {a = 'f:live'}", ""),
        ("[store]\nretention = '30d'", ""),
        ("[store]\nretention = 30", "30 is not of type 'string'"),
        ("[defaults]\nmemroy = 128", "128 is not of type 'object'"),
        ("[defaults]\nyes = true", "True is not of type 'object'"),
        ("[defaults.load]\nusers = 0", "0 is less than the minimum of 1"),
        ("[defaults]\nmethod = 'best'", "'best' is not one of ['adaptive', 'grid']"),
        ("[[case]]\nname = 'a'", "'target' is a required property"),
        ("[[case]]\nname = 'a'\ntarget = 'f'\ngate = []", "'gate' was unexpected"),
        ("[suite]\nmost = 'many'", "'many' is not of type 'integer'"),
    ],
)  # fmt: skip
def test_what_tuner_toml_may_have(text: str, said: str) -> None:
    found = problems(text)
    assert any(said in each for each in found) if said else found == []


def test_the_schema_has_the_keys_that_suites_are_read_with() -> None:
    properties = schema("tuner.toml")["properties"]
    assert set(properties["suite"]["properties"]) == suite_file._SUITE
    assert set(properties["case"]["items"]["properties"]) == suite_file._CASE
