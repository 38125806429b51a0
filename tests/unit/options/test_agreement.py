"""Every option of every command: the command line, Python and tuner.toml read it alike."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from tuner.cli.catalogue import catalogue
from tuner.cli.command import command
from tuner.cli.commands import COMMANDS
from tuner.cli.reference import classes_of, reference
from tuner.options.option import Option, Options, arguments_of, options_of

ROOT = Path(__file__).parents[3]
CLASSES = {title: of for name in COMMANDS for title, of in classes_of(name)}
#: What one option needs beside it.
BESIDE = {("tuner cold", "--max-cost"): ("--variants", "snapstart")}


def example(each: Option[Any, Any]) -> Any:
    """Something that may be written for an option, and is not its default."""
    if each.kind.word is bool:
        return True
    if each.kind.word is int:
        return 128 if each.about.least == 128 else 7
    if each.kind.word is float:
        return 0.25
    return (each.kind.words or (each.kind.example,))[-1]


def taking(of: type[Options], take: Callable[[Options], None]) -> Callable[..., None]:
    """A command that takes options of this class."""

    def run(options: Options) -> None:
        take(options)

    run.__annotations__["options"] = of
    return command(run)


def read(of: type[Options], words: list[str], defaults: dict[str, Any]) -> Options:
    """The options as the command line reads these words, with tuner.toml's defaults."""
    found: list[Options] = []
    app = typer.Typer()
    made = classmethod(lambda _cls, **given: of(**{**_first(of), **given}))
    fits = classmethod(lambda _cls, _written: None)  # some are for other targets
    filled = type("Filled", (of,), {"made": made, "check_written": fits})
    app.command()(taking(filled, found.append))
    typer.main.get_command(app).main(words, standalone_mode=False, default_map=defaults)
    return found[0]


def _first(of: type[Options]) -> dict[str, Any]:
    """Required arguments, and a seed, so that nothing is drawn."""
    given = {n: a.word("f") for n, a in arguments_of(of).items() if not a.optional and not a.many}
    many = {name: ("f",) for name, a in arguments_of(of).items() if a.many}
    seed = {"seed": 1} if "seed" in options_of(of) else {}
    to = {"to": "u"} if "to" in options_of(of) else {}
    return {**given, **many, **seed, **to}


def positionals(of: type[Options]) -> list[str]:
    return ["f" for argument in arguments_of(of).values() if argument.required]


@pytest.mark.parametrize("title", CLASSES)
def test_command_line_python_and_toml_read_every_option_alike(title: str) -> None:
    of = CLASSES[title]
    must = [w for o in options_of(of).values() if o.about.required for w in (o.flag, "x")]
    for name, each in options_of(of).items():
        if each.internal:
            continue
        written, flag = example(each), each.flag.partition("/")[0]
        beside = list(BESIDE.get((title, flag), ()))
        extra = {"variants": beside[1]} if beside else {}
        words = [flag] if written is True else [flag, str(written)]
        line = read(of, [*positionals(of), *must, *beside, *words], {})
        assert line.values()[name] == each.value(written), flag
        python = of(**{**_first(of), **_required(of), **extra, name: written})
        assert python.values()[name] == each.value(written), flag
        if not each.about.each_time and not each.about.required:
            toml = [written] if each.kind.many else written
            file = read(of, [*positionals(of), *must, *beside], {name: toml})
            assert file.values()[name] == each.value(written), flag


def _required(of: type[Options]) -> dict[str, Any]:
    return {name: "x" for name, each in options_of(of).items() if each.about.required}


@pytest.mark.parametrize("title", CLASSES)
def test_a_value_is_read_again_as_it_is_and_stored_as_it_can_be_read(title: str) -> None:
    for each in options_of(CLASSES[title]).values():
        value = each.value(example(each))
        assert each.value(value) == value, each.flag
        if each.about.kept and not each.about.store and each.text:
            assert each.value(each.stored(value)) == value, each.flag


@pytest.mark.parametrize("title", CLASSES)
def test_help_names_the_options_of_the_command_and_no_others(title: str) -> None:
    app = typer.Typer()
    app.command()(taking(CLASSES[title], print))
    listed = {
        option
        for parameter in typer.main.get_command(app).params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--") and not getattr(parameter, "hidden", False)
    }
    shown = [each for each in options_of(CLASSES[title]).values() if not each.internal]
    flags = {flag for each in shown for flag in each.flag.split("/")}
    assert flags == listed - {"--install-completion", "--show-completion", "--help"}


def test_the_reference_is_up_to_date() -> None:
    written = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert written == reference(), "python -m tuner.cli.reference > docs/reference.md"


def test_the_catalogue_is_up_to_date() -> None:
    written = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert written == catalogue(), "python -m tuner.cli.catalogue > docs/catalogue.md"


def test_former_spellings_are_read_and_say_the_new_name_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = read(CLASSES["tuner load"], ["f", "--method", "GET"], {})
    assert found.values()["http_method"] == "GET"
    assert capsys.readouterr().err == "tuner: --method is now --http-method\n"
    found = read(CLASSES["tuner schedule"], ["cron", "--output", "x"], {})
    assert found.values()["file"] == Path("x")
    assert capsys.readouterr().err == "tuner: --output is now --file\n"
