"""Packaging code from this machine, and what is said before anything is started."""

import io
import os
import py_compile
import subprocess
import sys
import zipfile
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuner.errors import NotFound, TunerError, UsageError
from tuner.locallambda.sandbox.invocation import LAYERS_FOLDER
from tuner.targets import package as package_module
from tuner.targets.handlers import check_handler, find_handler
from tuner.targets.package import (
    Layer,
    foreign_files,
    package_source,
    read_package,
    with_layers,
)

SOURCE = "def handler(event, context):\n    return event\n"
PYTHON = f"python3.{sys.version_info.minor}"


def names_in(data: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(data)).namelist()


def mode_in(data: bytes, name: str) -> int:
    return zipfile.ZipFile(io.BytesIO(data)).getinfo(name).external_attr >> 16 & 0o777


def test_a_directory_becomes_a_package_with_its_handler_found(tmp_path: Path) -> None:
    (tmp_path / "lambda_function.py").write_text("def lambda_handler(event, context): ...\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "table.json").write_text("{}")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").write_bytes(b"")
    package = read_package(tmp_path)
    assert package.handler == "lambda_function.lambda_handler"
    assert package.runtime == PYTHON
    assert names_in(package.zip_bytes) == ["lambda_function.py", "data/table.json"]


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "app.py").write_text(SOURCE)
    assert read_package(tmp_path / "a") == read_package(tmp_path / "b")


def test_a_single_file_is_its_own_module(tmp_path: Path) -> None:
    file = tmp_path / "orders.py"
    file.write_text(SOURCE)
    package = read_package(file)
    assert package.handler == "orders.handler"
    assert names_in(package.zip_bytes) == ["orders.py"]


def test_a_zip_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SOURCE)
    data = read_package(tmp_path / "app.py").zip_bytes
    (tmp_path / "package.zip").write_bytes(data)
    package = read_package(tmp_path / "package.zip")
    assert (package.zip_bytes, package.handler) == (data, "app.handler")


def test_a_handler_and_a_runtime_that_are_given_are_kept(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "orders.py").write_text("place = lambda event, context: None\n")
    for handler in ("shop.orders.place", "shop/orders.place"):
        package = read_package(tmp_path, handler, "python3.12")
        assert (package.handler, package.runtime) == (handler, "python3.12")


def test_an_executable_bootstrap_means_an_own_runtime(tmp_path: Path) -> None:
    (tmp_path / "bootstrap").write_text("#!/bin/sh\n")
    with pytest.raises(UsageError, match="not executable"):
        read_package(tmp_path)
    (tmp_path / "bootstrap").chmod(0o700)  # for its owner, who runs no function on AWS
    with pytest.raises(UsageError, match=r"chmod a\+x bootstrap"):
        read_package(tmp_path)
    (tmp_path / "bootstrap").chmod(0o755)
    package = read_package(tmp_path)
    assert (package.handler, package.runtime) == ("bootstrap", "provided.al2023")
    assert mode_in(package.zip_bytes, "bootstrap") == 0o755


def test_a_package_whose_layers_may_bring_the_bootstrap_needs_none(tmp_path: Path) -> None:
    (tmp_path / "main.sh").write_text("")
    with pytest.raises(NotFound, match="a program named bootstrap"):
        read_package(tmp_path, "main", "provided.al2023")
    package = read_package(tmp_path, "main", "provided.al2023", layered=True)
    assert (package.handler, names_in(package.zip_bytes)) == ("main", ["main.sh"])


def test_files_keep_their_modes_and_become_readable_as_with_sam(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SOURCE)
    for number, (mode, kept) in enumerate([(0o600, 0o644), (0o700, 0o744), (0o755, 0o755)]):
        (tmp_path / f"{number}.txt").write_text("")
        (tmp_path / f"{number}.txt").chmod(mode)
        assert mode_in(read_package(tmp_path).zip_bytes, f"{number}.txt") == kept


def test_modes_of_a_package_and_its_layers_outlive_their_merging(tmp_path: Path) -> None:
    for name in ("package.zip", "layer.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for path, mode in (("app.py", 0o100640), ("data/", 0o040700)):
                entry = zipfile.ZipInfo(path)
                entry.external_attr = mode << 16
                archive.writestr(entry, "" if entry.is_dir() else SOURCE)
    package = read_package(tmp_path / "package.zip")
    data = with_layers(package, [Layer(tmp_path / "layer.zip")], "F").zip_bytes
    for below in ("", f"{LAYERS_FOLDER}/"):
        assert mode_in(data, f"{below}app.py") == 0o640
        assert mode_in(data, f"{below}data/") == 0o700


def test_a_file_of_node_is_a_package_where_its_handler_is_named(tmp_path: Path) -> None:
    (tmp_path / "fn.mjs").write_text("export const handler = async () => 1\n")
    package = read_package(tmp_path / "fn.mjs", "fn.handler", "nodejs22.x")
    assert names_in(package.zip_bytes) == ["fn.mjs"]


def test_code_inside_a_template_becomes_index_py() -> None:
    package = package_source(SOURCE, "index.handler", "python3.12", "t.yaml#F")
    assert names_in(package.zip_bytes) == ["index.py"]


def test_code_inside_a_template_finds_the_module_for_custom_resources(tmp_path: Path) -> None:
    source = f"import cfnresponse\n{SOURCE}"
    package = package_source(source, "index.handler", "python3.12", "t.yaml#F")
    assert names_in(package.zip_bytes) == ["index.py", "cfnresponse.py"]
    zipfile.ZipFile(io.BytesIO(package.zip_bytes)).extractall(tmp_path)
    answer = tmp_path / "answer.json"
    answer.write_text("")  # what urllib cannot PUT to is printed, as on AWS
    script = (
        "import cfnresponse as c, types\n"
        f"e = dict(StackId=1, RequestId=2, LogicalResourceId=3, ResponseURL='{answer.as_uri()}')\n"
        "c.send(e, types.SimpleNamespace(log_stream_name='s'), c.SUCCESS, {}, noEcho=True)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith(("Status code:", "send(..) failed executing request:"))


BAD = {
    "no such path": ({}, "none", None, UsageError, "no such file"),
    "an empty directory": ({}, ".", None, UsageError, "is empty"),
    "no handler": ({"other.py": "x = 1"}, ".", None, NotFound, "no handler found"),
    "no such module": ({"app.py": SOURCE}, ".", "orders.handler", NotFound, "needs orders.py"),
    "no such function": ({"app.py": SOURCE}, ".", "app.place", NotFound, "it defines handler"),
    "a program": ({"run.sh": "#!"}, ".", "run.sh", UsageError, "Lambda Web Adapter starts"),
    "not module.function": ({"app.py": SOURCE}, ".", "app", UsageError, "not module.function"),
    "a syntax error": ({"app.py": "x = 1\ndef (\n"}, ".", None, UsageError, "line 2"),
    "null bytes": ({"app.py": "\0"}, ".", None, UsageError, "app.py"),
    "a wrong file type": ({"a.txt": "x"}, "a.txt", None, UsageError, "is not a directory"),
    "a damaged zip file": (
        {"a.zip": "PK nonsense"},
        "a.zip",
        None,
        UsageError,
        "not a readable zip",
    ),
    "no such function in a file": ({"o.py": "x = 1"}, "o.py", None, NotFound, "--handler o.NAME"),
    "a file with a dot in its name": ({"a.b.py": SOURCE}, "a.b.py", None, UsageError, "Rename"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_run_is_told_with_the_file_and_the_reason(case: str, tmp_path: Path) -> None:
    files, path, handler, kind, said = BAD[case]
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(kind) as caught:
        read_package(tmp_path / path, handler)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


def test_a_file_need_not_be_named_like_a_module(tmp_path: Path) -> None:
    (tmp_path / "my-func.py").write_text(SOURCE)
    assert read_package(tmp_path / "my-func.py").handler == "my-func.handler"
    assert read_package(tmp_path, "my-func.handler").handler == "my-func.handler"


def test_a_package_may_be_compiled_code_alone(tmp_path: Path) -> None:
    (tmp_path / "source.py").write_text(SOURCE)
    py_compile.compile(str(tmp_path / "source.py"), str(tmp_path / "lib" / "app.pyc"))
    package = read_package(tmp_path / "lib")
    assert (package.handler, names_in(package.zip_bytes)) == ("app.handler", ["app.pyc"])
    (tmp_path / "lib" / "app.pyc").write_bytes(b"of another Python")
    assert read_package(tmp_path / "lib", "app.handler").handler == "app.handler"


@pytest.mark.parametrize("data", [b"\xe3" + b"\xff" * 60, b"(\xff\xff\xff\x7f", b"[" * 99_999])
def test_code_that_is_no_code_is_never_unmarshalled(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "app.pyc").write_bytes(MAGIC_NUMBER + bytes(12) + data + b"\x07handler")
    assert read_package(tmp_path).handler == "app.handler"


@pytest.mark.parametrize("link", [".aws/credentials", ".config", "/etc/hostname", "/proc/self"])
def test_a_link_to_the_users_secrets_or_the_system_is_refused(
    link: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    secret, code = tmp_path / "home" / link, tmp_path / "home/work/code"
    code.mkdir(parents=True)
    if not link.startswith("/"):
        (secret if link == ".config" else secret.parent).mkdir()
        (secret / "x" if link == ".config" else secret).write_text("key")
    (code / "app.py").write_text(SOURCE)
    (code / "data").symlink_to(secret)
    with pytest.raises(UsageError, match=r"data\S*: comes by a link from .* which is no code"):
        read_package(code)
    (code / ".tunerignore").write_text("data\n")
    assert names_in(read_package(code).zip_bytes) == ["app.py"]


def test_a_link_to_the_folder_above_brings_none_of_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text("key")
    (tmp_path / "code").mkdir()
    (tmp_path / "code/app.py").write_text(SOURCE)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/all").symlink_to(tmp_path)
    (tmp_path / "code/other").symlink_to(tmp_path / "other")
    with pytest.raises(UsageError, match="which is no code"):
        read_package(tmp_path / "code")


def test_an_ignore_file_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SOURCE)
    os.mkfifo(tmp_path / ".tunerignore")
    assert names_in(read_package(tmp_path).zip_bytes) == ["app.py"]


def test_a_zip_of_too_much_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app.py", bytes(1_000_000))
    monkeypatch.setattr(zipfile.ZipFile, "testzip", None)
    monkeypatch.setattr(package_module, "MOST_BYTES", 999_999)
    with pytest.raises(UsageError, match="larger than 250 MB unpacked"):
        read_package(tmp_path / "bomb.zip")
    monkeypatch.setattr(package_module, "MOST_FILES", 0)
    monkeypatch.setattr(zipfile.ZipFile, "infolist", None)
    with pytest.raises(UsageError, match="more than 0 files"):
        read_package(tmp_path / "bomb.zip")


def test_links_are_followed_even_out_of_the_directory(tmp_path: Path) -> None:
    code = tmp_path / "code"
    (code / "own").mkdir(parents=True)
    (tmp_path / "shared" / "deep").mkdir(parents=True)
    (tmp_path / "shared" / "deep" / "tax.py").write_text("RATE = 1\n")
    (code / "app.py").write_text(SOURCE)
    (code / "lib").symlink_to("../shared")
    (code / "own" / "again").symlink_to(tmp_path / "shared" / "deep")
    (code / "same.py").symlink_to("app.py")
    assert names_in(read_package(code).zip_bytes) == [
        "app.py",
        "same.py",
        "lib/deep/tax.py",
        "own/again/tax.py",
    ]


@pytest.mark.parametrize(
    ("points_to", "said"),
    [("..", "a folder that it is in"), ("none", "leads nowhere"), ("link", "cannot be followed")],
)
def test_a_link_that_cannot_be_packaged_is_named(tmp_path: Path, points_to: str, said: str) -> None:
    (tmp_path / "app.py").write_text(SOURCE)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "link").symlink_to(points_to)
    with pytest.raises(UsageError, match=said) as caught:
        read_package(tmp_path)
    assert "sub/link" in str(caught.value)
    (tmp_path / ".tunerignore").write_text("# broken\n./sub/link\n")
    assert names_in(read_package(tmp_path).zip_bytes) == ["app.py"]


def test_links_that_multiply_a_directory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_module, "MOST_FILES", 50)
    (tmp_path / "app.py").write_text(SOURCE)
    for level in range(8):
        folder = tmp_path / f"level{level}"
        folder.mkdir()
        (folder / "x.txt").write_text("")
        for side in "ab" if level else "":
            (folder / side).symlink_to(f"../level{level - 1}")
    with pytest.raises(UsageError, match="more than 50 files"):
        read_package(tmp_path)


def test_what_tools_leave_beside_the_code_is_not_packaged_nor_weighed(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SOURCE)
    ignored = [".terraform", ".git", "node_modules/.cache", "a/.venv", ".aws-sam", "raw/big"]
    for name in (*ignored, "node_modules/x", "raw"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "file.bin").write_text("")
    with (tmp_path / ".terraform" / "provider").open("wb") as big:
        big.truncate(270_000_000)
    (tmp_path / ".tunerignore").write_text("*.log\n**/big/\n")
    (tmp_path / "raw" / "x.log").write_text("")
    names = names_in(read_package(tmp_path).zip_bytes)
    assert names == ["app.py", "node_modules/x/file.bin", "raw/file.bin"]


def test_layers_are_packaged_apart_and_the_last_one_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.py").write_text(SOURCE)
    for name, path in (("one", "python/tax.py"), ("two", "python/tax.py"), ("bare", "tools.py")):
        file = tmp_path / name / path
        file.parent.mkdir(parents=True)
        file.write_text(f"NAME = {name!r}\n")
    package = read_package(tmp_path / "app.py")
    layers = [Layer(tmp_path / "one"), Layer(tmp_path / "two"), Layer(tmp_path / "bare", "python/")]
    data = with_layers(package, layers, "F").zip_bytes
    tax, tools = ".tuner-opt/python/tax.py", ".tuner-opt/python/tools.py"
    assert names_in(data) == ["app.py", tax, tools]
    assert b"two" in zipfile.ZipFile(io.BytesIO(data)).read(tax)
    assert with_layers(package, [], "F") is package
    with pytest.raises(UsageError, match="no such file"):
        with_layers(package, [Layer(tmp_path / "none")], "F")
    monkeypatch.setattr(package_module, "MOST_BYTES", 60)
    with pytest.raises(UsageError, match="with its layers"):
        with_layers(package, layers, "F")


def test_modules_that_this_machine_cannot_load_are_found_in_layers_too(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SOURCE)
    (tmp_path / "python").mkdir()
    other = b"\x7fELF\x02\x01" + bytes(12) + (8).to_bytes(2, "little") + bytes(40)  # MIPS
    (tmp_path / "python" / "fast.so").write_bytes(other)
    package = read_package(tmp_path)
    assert foreign_files(package) == ["python/fast.so"]
    assert foreign_files(read_package(tmp_path / "app.py")) == []
    layered = with_layers(read_package(tmp_path / "app.py"), [Layer(tmp_path)], "F")
    assert foreign_files(layered) == ["/opt/python/fast.so"]


def test_a_damaged_zip_is_told(tmp_path: Path) -> None:
    data = bytearray(package_source(SOURCE * 50, "index.handler", PYTHON, "x").zip_bytes)
    data[60] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UsageError, match="zip"):
        read_package(tmp_path / "a.zip")


def test_a_directory_beyond_lambdas_limit_is_told(tmp_path: Path) -> None:
    with (tmp_path / "big.bin").open("wb") as big:
        big.truncate(262_144_001)
    with pytest.raises(UsageError, match="larger than 250 MB"):
        read_package(tmp_path)


@pytest.mark.parametrize(
    "source",
    [
        "def handler(e, c): ...",
        "async def handler(e, c): ...",
        "class handler: ...",
        "handler = make()",
        "handler: object = make()",
        "a, (handler, b) = make()",
        "from shop import handler",
        "from shop import place as handler",
        "import shop.handler as handler",
        "from shop import *",
        "try:\n    import fast as handler\nexcept ImportError:\n    pass",
        "if True:\n    x = 1\nelse:\n    def handler(e, c): ...",
        "with open('x') as f:\n    handler = f",
        "with made() as handler:\n    pass",
        "for handler in makers:\n    pass",
        "globals()['hand' + 'ler'] = lambda e, c: 1",
        "import sys\nsetattr(sys.modules[__name__], 'handler', print)",
        "exec('def handler(e, c): return 1')",
        "def __getattr__(name): return print",
        "def make():\n    global handler\n    handler = print\nmake()",
    ],
)
def test_a_handler_is_found_however_it_is_bound(source: str) -> None:
    check_handler({"app.py": source.encode()}.get, "app.handler", "here")


def test_a_name_inside_a_function_is_no_handler() -> None:
    source = b"def make():\n    def handler(e, c): ...\n"
    with pytest.raises(NotFound, match="it defines make"):
        check_handler({"app.py": source}.get, "app.handler", "here")


@given(source=st.binary(max_size=200), handler=st.text(max_size=30))
@example(source=b"", handler="\r.A")
@example(source=b"", handler="\x1b[2J.A")
def test_any_source_and_handler_pass_or_get_an_error_of_ours(source: bytes, handler: str) -> None:
    read = {"app.py": source}.get
    for check in (
        lambda: check_handler(read, handler, "here"),
        lambda: find_handler(read, "here"),
    ):
        try:
            check()
        except TunerError as error:
            assert len(str(error).splitlines()) <= 2 and "\x1b" not in str(error)
