"""Finds and checks the handler of a package by reading its code, without running it.

Python only: the module's file, its syntax, and a name at its top level. What the code does when
it is imported shows in the first invocation; so does a name that it makes only then.
"""

import ast
import importlib.util
import marshal
from collections.abc import Callable, Iterator, Sequence

from tuner.errors import NotFound, UsageError

#: Where a handler is looked for when none is named: the usual names of examples and of AWS's own
#: templates (``lambda_function.lambda_handler`` is what the Lambda console makes).
MODULES = ("app", "lambda_function", "handler", "main", "index")
FUNCTIONS = ("handler", "lambda_handler")

#: Reads a file of the package by its path in it; ``None`` if there is none.
Reader = Callable[[str], bytes | None]


def find_handler(read: Reader, where: str, modules: Sequence[str] = MODULES) -> str:
    """The first handler with a usual name, as ``module.function``; :class:`NotFound` if none."""
    for module in modules:
        found = _module_file(read, module)
        if found is None:
            continue
        names = _top_level_names(*found, where)
        for function in FUNCTIONS:
            if function in names:
                return f"{module}.{function}"
    raise NotFound(
        where,
        f"no handler found: none of {', '.join(f'{m}.py' for m in modules)} defines "
        f"{' or '.join(FUNCTIONS)}",
        "Name it with --handler module.function.",
    )


def check_handler(read: Reader, handler: str, where: str) -> None:
    """Raise unless ``module.function`` (or ``path/module.function``) is in the package."""
    module, dot, function = handler.rpartition(".")
    if not dot or not module or not function.isidentifier():
        raise UsageError(
            f"--handler {handler!r}", "is not module.function", "Write it like app.handler."
        )
    found = _module_file(read, module.replace(".", "/"))
    if found is None:
        raise NotFound(
            where,
            f"the handler {handler} needs {module.replace('.', '/')}.py, which is missing",
            "Name the handler with --handler module.function.",
        )
    names = _top_level_names(*found, where)
    if function not in names and "*" not in names:
        has = ", ".join(sorted(names)[:8]) or "nothing"
        raise NotFound(
            where,
            f"{found[0]} does not define {function}; it defines {has}",
            "Name the handler with --handler module.function.",
        )


def _module_file(read: Reader, module: str) -> tuple[str, bytes] | None:
    for path in (
        f"{module}.py",
        f"{module}/__init__.py",
        f"{module}.pyc",
        f"{module}/__init__.pyc",
    ):
        source = read(path)
        if source is not None:
            return path, source
    return None


def _top_level_names(path: str, source: bytes, where: str) -> set[str]:
    """The names that a module binds; ``*`` among them if it may bind others as well."""
    if path.endswith(".pyc"):
        return _compiled_names(source)
    try:
        tree = ast.parse(source, path)
    except SyntaxError as error:
        raise UsageError(
            f"{where}, {path}, line {error.lineno or 1}",
            f"syntax error: {error.msg}",
            "Fix the handler's file first.",
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise UsageError(
            f"{where}, {path}", f"is not Python code ({error})", "Fix the handler's file first."
        ) from None
    names = set(_bound(tree.body))
    return names | {"*"} if _makes_names(tree) else names


def _compiled_names(data: bytes) -> set[str]:
    """The names in compiled code; which of them it binds is not told."""
    if data[:4] != importlib.util.MAGIC_NUMBER:
        return {"*"}  # of another Python than this
    try:
        return {"*", *marshal.loads(data[16:]).co_names}
    except (ValueError, EOFError, TypeError, AttributeError):
        return {"*"}


#: Calls by which a module can bind names that its text does not show.
_MAKERS = {"globals", "locals", "vars", "setattr", "exec", "eval"}


def _makes_names(tree: ast.Module) -> bool:
    """Return whether a module may bind names in other ways than by plain statements."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in _MAKERS:
                return True
        elif isinstance(node, ast.Global | ast.NamedExpr):
            return True
        elif isinstance(node, ast.Attribute):
            if node.attr == "modules":  # sys.modules[__name__]
                return True
        elif isinstance(node, ast.FunctionDef) and node.name == "__getattr__":
            return True
    return False


def _bound(body: Sequence[ast.stmt]) -> Iterator[str]:
    """The names that statements bind in their own scope."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))
        else:
            if isinstance(node, ast.For | ast.With):
                bound = [node.target] if isinstance(node, ast.For) else _given(node)
                yield from (n.id for one in bound for n in ast.walk(one) if isinstance(n, ast.Name))
            yield from _bound(_inner(node))


def _given(node: ast.With) -> list[ast.expr]:
    """What ``with ... as`` binds."""
    return [item.optional_vars for item in node.items if item.optional_vars is not None]


def _inner(node: ast.stmt) -> list[ast.stmt]:
    """Return the statements in the blocks of ``if``, ``try``, ``with`` and loops."""
    inner: list[ast.stmt] = []
    for name in ("body", "orelse", "finalbody"):
        inner += getattr(node, name, [])
    for handler in getattr(node, "handlers", []):
        inner += handler.body
    return inner
