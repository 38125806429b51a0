"""A PostgreSQL store that cannot be used says what is wrong and what to do, without passwords."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from tuner.errors import StoreAway, StoreError, TunerError
from tuner.store import connect
from tuner.store.migrations import VERSION_TABLE
from tuner.store.runs import Store

Make = Callable[..., Any]

PASSWORD = "s3cret/pa@ss"


def as_user(url: str, user: str) -> str:
    """The same database for another user, with a password that must not be seen."""
    other = make_url(url).set(username=user, password=PASSWORD)
    return other.render_as_string(hide_password=False)


@pytest.fixture
def guest(postgres: Any, postgres_store: str) -> str:
    """The URL of an empty database for a user without any rights."""
    postgres.execute("DROP ROLE IF EXISTS guest")
    postgres.execute("CREATE ROLE guest LOGIN")
    return as_user(postgres_store, "guest")


def complaint(url: str) -> StoreError:
    """What is said when a store is opened."""
    with pytest.raises(StoreError) as said, Store.open(url):
        pass
    assert PASSWORD not in str(said.value)
    assert len(str(said.value).splitlines()) == 2
    return said.value


def test_a_store_of_a_newer_version_is_refused(postgres: Any, postgres_store: str) -> None:
    Store.open(postgres_store).close()
    postgres.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'", postgres_store)
    assert "a newer tuner wrote it (schema 9999; this one" in str(complaint(postgres_store))


def test_a_database_may_be_shared_but_our_names_must_be_free(
    postgres: Any, postgres_store: str
) -> None:
    postgres.execute("CREATE TABLE bookmarks (url TEXT)", postgres_store)
    postgres.execute("CREATE TABLE tuner_runs (url TEXT)", postgres_store)
    assert "another program (tables tuner_runs)" in str(complaint(postgres_store))
    postgres.execute("DROP TABLE tuner_runs", postgres_store)
    Store.open(postgres_store).close()


def test_tables_that_are_gone_or_not_ours_are_named_as_such(
    postgres: Any, postgres_store: str, make_run: Make, make_sample: Make
) -> None:
    with Store.open(postgres_store) as store:
        store.start(make_run())
        postgres.execute("ALTER TABLE tuner_samples RENAME backoff_ms TO pause", postgres_store)
        with pytest.raises(StoreError, match="its tables are not those of tuner"):
            store.add(make_run().run, [make_sample()])
        postgres.execute("DROP TABLE tuner_samples", postgres_store)
        with pytest.raises(StoreError, match="its tables are gone"):
            store.samples(make_run().run)


def test_a_user_without_rights_is_told_which_are_missing(guest: str) -> None:
    said = complaint(guest)
    assert said.reason == "permission denied"
    assert "rights on the tuner_* tables and the schema" in said.fix


def test_a_user_database_or_host_that_does_not_exist_is_named(postgres_store: str) -> None:
    url = make_url(as_user(postgres_store, "guest"))
    strange = url.set(username="nobody-here").render_as_string(hide_password=False)
    assert "refuses this user or password" in str(complaint(strange))
    absent = url.set(username="tuner", database="absent").render_as_string(hide_password=False)
    assert "has no such database" in str(complaint(absent))
    nowhere = url.set(host="no-such-host.invalid").render_as_string(hide_password=False)
    assert "unknown host name" in str(complaint(nowhere))


def test_a_read_only_server_is_read_and_refuses_to_be_written(
    postgres: Any, postgres_store: str, make_run: Make, make_sample: Make
) -> None:
    with Store.open(postgres_store) as store:
        store.start(make_run())
    name = make_url(postgres_store).database
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with Store.open(postgres_store) as store:
        assert store.run("last") == make_run()
        with pytest.raises(StoreError, match="it is read-only"):
            store.start(make_run(run="01JB"))


def test_a_locked_table_is_an_error_after_a_wait(
    postgres_store: str, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "LOCK_WAIT_S", 0.1)
    with Store.open(postgres_store) as store, Store.open(postgres_store) as other:
        with connect.transaction(other._engine, writes=True) as connection:
            connection.exec_driver_sql("LOCK TABLE tuner_runs")
            with pytest.raises(StoreAway, match="another program has locked it"):
                store.start(make_run())
        store.start(make_run())


def test_a_server_with_a_full_disk_is_an_error_and_keeps_what_was_written(
    postgres: Any, postgres_store: str, make_run: Make, make_sample: Make
) -> None:
    with Store.open(postgres_store) as store:
        store.start(make_run())
        store.add(make_run().run, [make_sample(call=1)])
        # The server says this itself, by its own code, as it would of its disk.
        for statement in (
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION 'kein Platz mehr' USING ERRCODE = 'disk_full'; END $$",
            "CREATE TRIGGER full_disk BEFORE INSERT ON tuner_runs EXECUTE FUNCTION full_disk()",
        ):
            postgres.execute(statement, postgres_store)
        with pytest.raises(StoreAway, match="the disk is full"):
            store.start(make_run(run="01JB"))
        assert store.samples(make_run().run) == [make_sample(call=1)]


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{PASSWORD}@127.0.0.1:1/db",
        f"postgresql://me:{PASSWORD}@127.0.0.1:port/db",
        "postgresql://127.0.0.1:1/db?user=me&password=s3cret%2Fpa%40ss&sslpassword=s3cret",
        "postgresql://127.0.0.1:port/db?password=s3cret",
        "postgresql+nodriver://me:s3cret@host/db",
        "mysql://me:s3cret@host/db",
    ],
)
def test_no_message_has_a_password_in_it(url: str) -> None:
    with pytest.raises(TunerError) as said:
        Store.open(url)
    assert "s3cret" not in str(said.value)
    command = [sys.executable, "-m", "tuner", "runs", "list", "--store", url, "--debug"]
    traced = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert traced.returncode in (1, 2)
    assert "s3cret" not in traced.stdout + traced.stderr
