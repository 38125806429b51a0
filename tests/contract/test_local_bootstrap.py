"""A program that was compiled for ``provided.al2023`` runs as documented."""

import base64
import json
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from support.local_lambda import boto3_client
from tuner.errors import UsageError
from tuner.targets.local import LocalOptions, open_local
from tuner.targets.names import parse_target

SOURCE = Path(__file__).parents[1] / "handlers" / "native" / "bootstrap.c"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bootstrap that gcc has made."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc, absent here")
    folder = tmp_path_factory.mktemp("native")
    # -D: strcasestr is an extension
    command = ["gcc", "-O2", "-D_GNU_SOURCE", "-o", str(folder / "bootstrap"), str(SOURCE)]
    subprocess.run(command, check=True)
    return folder


@pytest.mark.parametrize("runtime", [None, "provided.al2"])
def test_compiled_bootstrap_answers_at_the_size_asked(package: Path, runtime: str | None) -> None:
    target = open_local(parse_target(f"local:{package}"), LocalOptions(runtime=runtime))
    with closing(target):
        assert target.describe().runtime == (runtime or "provided.al2023")
        endpoint = target.endpoint()
        keys = endpoint.credentials()
        client = boto3_client(
            endpoint.url, endpoint.region, (keys.access_key, keys.secret_key or "")
        )
        for event in (b"{}", b'{"a": 1}'):
            told = client.invoke(FunctionName=endpoint.function, Payload=event, LogType="Tail")
            answer = json.loads(told["Payload"].read())
            assert answer == {"length": len(event), "memory": "128"}
            assert b"answering " in base64.b64decode(told["LogResult"])


def test_program_for_another_machine_is_refused_before_it_runs(
    package: Path, tmp_path: Path
) -> None:
    data = bytearray((package / "bootstrap").read_bytes())
    data[18:20] = (8).to_bytes(2, "little")  # MIPS
    (tmp_path / "bootstrap").write_bytes(data)
    (tmp_path / "bootstrap").chmod(0o755)
    with pytest.raises(UsageError, match="is a program for the machine 8 of ELF"):
        open_local(parse_target(f"local:{tmp_path}"), LocalOptions())
