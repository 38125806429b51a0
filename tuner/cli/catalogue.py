"""Load profiles, events, documents, exit codes and AWS's answers: a page made from declarations.

``python -m tuner.cli.catalogue > docs/catalogue.md`` writes it again.
"""

import re
from collections.abc import Iterable, Iterator

from tuner import errors
from tuner.api.schema import TOML, Schema, names, schema
from tuner.aws.translate import ANSWERS
from tuner.engine.profiles.events import load_event
from tuner.engine.profiles.profile import Profile
from tuner.engine.profiles.profile_file import bundled, load_profile
from tuner.errors import TunerError
from tuner.units import format_seconds

_HEAD = """# Profiles, events, documents, codes

What the code declares, beside its [commands and options](reference.md).
"""
_PROFILES = """`tuner load myfunc --profile-load NAME`. A profile of your own is a TOML file like
those in `loadprofiles/`. `--rate` and `--duration` scale what is said here."""
_EVENTS = """`--event NAME`, or `NAME:10` for a batch of ten where there is a batch."""
_DOCUMENTS = """`--json FILE` writes them; these are the fields at the top. `tuner schema NAME`
prints the whole JSON Schema. Fields may be added later; what is not known is `null`, never 0."""
_CODES = """What a command ends with, and in Python the error of `tuner.errors` that is raised."""
_ANSWERS = """What AWS answers, and what `tuner` then says; `…` stands for a name or AWS's words."""


def catalogue() -> str:
    """The whole page, as Markdown."""
    sections = (
        ("Load profiles", _PROFILES, "profile,is,rate,lasts", _profiles()),
        ("Events", _EVENTS, "event,is,batch", _events()),
        ("JSON documents", _DOCUMENTS, "document,fields", _documents()),
        ("Errors and exit codes", _CODES, "code,error,is", _exit_codes()),
        ("Answers of AWS", _ANSWERS, "AWS's code,tuner says,next step", _answers()),
    )
    return "\n".join([_HEAD, *(_section(*each) for each in sections)])


def _section(title: str, text: str, columns: str, rows: Iterable[tuple[str, ...]]) -> str:
    heads = columns.split(",")
    lines = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows)
    table = "\n".join(f"| {line} |" for line in (" | ".join(heads), *lines))
    rule = "|" + "---|" * len(heads)
    return f"## {title}\n\n{text}\n\n" + table.replace("\n", f"\n{rule}\n", 1) + "\n"


def _profiles() -> Iterator[tuple[str, ...]]:
    for path in sorted(bundled().glob("*.toml")):
        profile = load_profile(str(path))
        yield f"`{path.stem}`", profile.about, _rate(profile), format_seconds(profile.duration_s)


def _rate(profile: Profile) -> str:
    if (calls := profile.calls) is None:
        return f"{profile.users} users"
    return f"{calls / profile.duration_s:,.3g}/s on average"


def _events() -> Iterator[tuple[str, ...]]:
    for path in sorted(bundled().glob("events/*.json")):
        event = load_event(str(path))
        yield f"`{path.stem}`", event.about, str(event.batch) if event.batch else "–"


def _documents() -> Iterator[tuple[str, ...]]:
    for name in names():
        fields = ", ".join(f"`{field}`" for field in _fields(schema(name)))
        yield (f"`{name}`" if name == TOML else f"`tuner.{name}/1`"), fields


def _fields(of: Schema) -> list[str]:
    """The fields of a document; of one with several forms, those that any has."""
    forms = of.get("oneOf", [of])
    found = [of["$defs"][form["$ref"].split("/")[-1]] if "$ref" in form else form for form in forms]
    return list(dict.fromkeys(field for form in found for field in form.get("properties", ())))


def _exit_codes() -> Iterator[tuple[str, ...]]:
    yield "0", "–", "Done."
    every = [each for each in vars(errors).values() if isinstance(each, type)]
    known = [each for each in every if issubclass(each, TunerError) and each is not TunerError]
    for each in sorted(known, key=lambda each: (each.exit_code, each.__name__)):
        about = (each.__doc__ or "").partition("\n\n")[0]
        yield str(each.exit_code), f"`{each.__name__}`", " ".join(about.split())
    yield str(TunerError.exit_code), f"`{TunerError.__name__}`", "Any other error."


def _answers() -> Iterator[tuple[str, ...]]:
    for codes, text in ANSWERS.items():
        reason, fix = (re.sub(r"\{\w+\}", "…", part) for part in (text.reason, text.fix))
        yield ", ".join(f"`{code}`" for code in codes.split()), reason, fix


if __name__ == "__main__":
    print(catalogue(), end="")
