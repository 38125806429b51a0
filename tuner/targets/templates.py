"""Which template a path means: a file, or what a tool has written into a folder.

Looks at names only; ``sam.py`` reads what is found here.
"""

from collections.abc import Sequence
from pathlib import Path

from tuner.errors import UsageError
from tuner.targets.names import TEMPLATES

#: Files of a folder, in the order in which they are looked for where a function is named.
_USUAL = (
    *("template.yaml", "template.yml", "template.json"),
    *("serverless.yml", "serverless.yaml", "serverless.json"),
)
#: Folders that tools write templates into, by the end of their path, and the template there.
_BUILT = {
    (".aws-sam", "build"): "template.yaml",
    (".aws-sam",): "build/template.yaml",
    (".serverless",): "cloudformation-template-update-stack.json",
}
_PROGRAMS = {f"serverless.{kind}": "serverless package" for kind in ("ts", "js", "mjs", "cjs")}


def template_files(path: Path, named: bool) -> Sequence[Path]:
    """The templates that a path means: of ``cdk.out`` one for each stack; none for code.

    ``named``: a function is, so that a folder must have a template. Raises UsageError.
    """
    if path.name in _PROGRAMS:
        fix = f"Run `{_PROGRAMS[path.name]}`, then name local:.serverless#FUNCTION."
        raise UsageError(str(path), "is a program, which tuner does not run", fix)
    if path.suffix.lower() in TEMPLATES and not path.is_dir():
        return [path]
    if not path.is_dir():
        return []
    parts = path.resolve().parts
    for end, file in _BUILT.items():
        if parts[-len(end) :] == end and (path / file).is_file():
            return [path / file]
    if parts[-1] == "cdk.out" or (path / "cdk.out").is_file():  # a file that tells the version
        stacks = [*path.glob("*.template.json"), *path.glob("assembly-*/**/*.template.json")]
        if stacks:
            return sorted(stacks)
    usual = [path / file for file in _USUAL if named and (path / file).is_file()]
    return usual[:1]
