"""Finds and checks the handler of a package by reading its code, without running it.

Python only: the module's file, its syntax, and a name at its top level. What the code does when
it is imported shows in the first invocation; so does a name that it makes only then.
"""

import ast
import importlib.util
import symtable
from collections.abc import Callable, Sequence

from tuner.errors import NotFound, UsageError

#: Where a handler is looked for when none is named: the usual names of examples and of AWS's own
#: templates (``lambda_function.lambda_handler`` is what the Lambda console makes).
MODULES = ("app", "lambda_function", "handler", "main", "index")
FUNCTIONS = ("handler", "lambda_handler")

#: How handlers end that are no modules, but programs which a layer starts.
_SCRIPTS = ("sh", "bash")

#: Reads a file of the package by its path in it; ``None`` if there is none.
Reader = Callable[[str], bytes | None]


def find_handler(read: Reader, where: str, modules: Sequence[str] = MODULES) -> str:
    """The first handler with a usual name, as ``module.function``; :class:`NotFound` if none."""
    for module in modules:
        found = _module_file(read, module)
        names = _top_level_names(*found, where) if found else set()
        for function in FUNCTIONS:
            if function in names:
                return f"{module}.{function}"
    files = ", ".join(f"{module}.py" for module in modules)
    reason = f"no handler found: none of {files} defines {' or '.join(FUNCTIONS)}"
    raise NotFound(where, reason, "Name it with --handler module.function.")


def refuse_spaces(handler: str) -> None:
    """Raise for a name with a space or a control character, as AWS does (``[^\\s]+``)."""
    if not handler.isprintable() or any(map(str.isspace, handler)):
        reason = "a handler's name has no spaces or control characters"
        raise UsageError(f"--handler {handler!r}", reason, "Write it like app.handler.")


def check_handler(read: Reader, handler: str, where: str) -> None:
    """Raise unless ``module.function`` (or ``path/module.function``) is in the package."""
    refuse_spaces(handler)
    module, _, function = handler.rpartition(".")
    if function in _SCRIPTS and read(handler) is not None:
        reason = f"the handler {handler} is a program, which only a layer such as Lambda Web "
        fix = "Name a Python handler with --handler module.function, or measure it on AWS."
        raise UsageError(where, f"{reason}Adapter starts", fix)
    module = module.replace(".", "/")
    if not module or not function.isidentifier():
        fix = "Write it like app.handler."
        raise UsageError(f"--handler {handler!r}", "is not module.function", fix)
    found = _module_file(read, module)
    if found is None:
        reason = f"the handler {handler} needs {module}.py, which is missing"
        raise NotFound(where, reason, "Name the handler with --handler module.function.")
    names = _top_level_names(*found, where)
    if function not in names and "*" not in names:
        has = ", ".join(sorted(names)[:8]) or "nothing"
        reason = f"{found[0]} does not define {function}; it defines {has}"
        raise NotFound(where, reason, "Name the handler with --handler module.function.")


def is_module(read: Reader, handler: str) -> bool:
    """Return whether a handler's file is a module of Python."""
    return _module_file(read, handler.rpartition(".")[0].replace(".", "/")) is not None


def _module_file(read: Reader, module: str) -> tuple[str, bytes] | None:
    for suffix in (".py", "/__init__.py", ".pyc", "/__init__.pyc"):
        source = read(module + suffix)
        if source is not None:
            return module + suffix, source
    return None


def _top_level_names(path: str, source: bytes, where: str) -> set[str]:
    """The names that a module binds; ``*`` among them if it may bind others as well."""
    if path.endswith(".pyc"):
        return _compiled_names(source)
    fix = "Fix the handler's file first."
    try:
        text = importlib.util.decode_source(source)
        others = any(map(_binds_others, ast.walk(ast.parse(text, path))))
        symbols = symtable.symtable(text, path, "exec").get_symbols()
    except SyntaxError as error:
        place = f"{where}, {path}, line {error.lineno or 1}"
        raise UsageError(place, f"syntax error: {error.msg}", fix) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"{where}, {path}", f"is not Python code ({error})", fix) from None
    names = {
        each.get_name()
        for each in symbols
        if each.is_assigned() or each.is_imported() or each.is_declared_global()
    }
    return names | ({"*"} if others else set())


def _compiled_names(data: bytes) -> set[str]:
    """The usual names that compiled code has, each after its length; which of them it binds is not
    told. It is not unmarshalled: what is no code may then take all memory (docs, ``marshal``)."""
    return {"*", *(name for name in FUNCTIONS if bytes([len(name)]) + name.encode() in data)}


#: Calls by which a module can bind names that its text does not show.
_MAKERS = {"globals", "locals", "vars", "setattr", "exec", "eval"}


def _binds_others(node: ast.AST) -> bool:
    """Return whether code may bind names that no statement shows."""
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in _MAKERS
        case ast.Attribute(attr="modules"):  # sys.modules[__name__]
            return True
        case ast.FunctionDef(name="__getattr__") | ast.alias(name="*"):
            return True
    return False
