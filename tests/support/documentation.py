"""README and documentation as tests read them: their pages, commands and code."""

import re
import shlex
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Each page by its path in the repository.
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/*.md")])
}


def blocks(page: str, language: str) -> list[str]:
    """The code of a page in one language, in its order."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


def commands(page: str) -> list[list[str]]:
    """The words of each line of a page that runs ``tuner``, also by its action, in its order."""
    typed = [
        shlex.split(line.split(" && ")[-1].replace(".venv/bin/", ""), comments=True)
        for block in blocks(page, "sh")
        for line in block.splitlines()
        if re.search(r"(^|bin/)tuner ", line)
    ]
    steps = re.findall(r"^ *command: (.*)$", "".join(blocks(page, "yaml")), re.MULTILINE)
    return typed + [["tuner", *shlex.split(step)] for step in steps]


def expressions(page: str) -> list[str]:
    """What a page says to write in Python, in the middle of a sentence."""
    return re.findall(r"`(tuner\.\w+\([^`]*\))`", page)
