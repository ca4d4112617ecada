"""The deprecated download without a job: the archive in the answer, whole or recognisably not."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from email.message import Message
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import bulkdl.jobs.direct
from bulkdl.api.direct import AT_ONCE
from bulkdl.errors import ObjectChanged, StorageUnavailable
from bulkdl.storage import ObjectVersion
from tests.factories import PROJECT, make_asset, members
from tests.unit.transfer_kit import TestStore
from tests.web import ASSETS, JOBS, client_of, make_settings, running_app, running_unit_app, runtime_of

DIRECT = f"{ASSETS}/bulk-download"


@pytest.fixture
def store() -> TestStore:
    return TestStore()


@pytest.fixture
def app(tmp_path: Path, store: TestStore) -> Iterator[Flask]:
    with running_app(make_settings(tmp_path), create_tables=True, store=store) as app:
        yield app


def add_files(app: Flask, files: Mapping[str, bytes]) -> list[str]:
    """Objects and assets; the ids in the same order."""
    assets = [make_asset(name=name, size=len(data)) for name, data in files.items()]
    ids = [asset.id for asset in assets]
    for asset, data in zip(assets, files.values(), strict=True):
        runtime_of(app).store.put(asset.bucket, asset.key, data, content_type="image/jpeg")
    with runtime_of(app).database.session() as session:
        session.add_all(assets)
        session.commit()
    return ids


def ask(client: FlaskClient, ids: list[str], **more: Any) -> Any:  # Any: werkzeug's answer, its type not exported
    return client.post(DIRECT, json={"projectId": PROJECT, "assetIds": ids, **more}, buffered=False)


def lose(app: Flask, asset_id: str) -> None:
    runtime_of(app).store.delete("media", f"originals/{asset_id}")


def test_the_answer_is_the_archive(app: Flask, client: FlaskClient) -> None:
    files = {"a/one.jpg": b"1" * 300_000, "a/empty.jpg": b"", "Zürich/夜景.jpg": b"night"}

    response = ask(client, add_files(app, files))

    assert (response.status_code, response.mimetype) == (200, "application/zip")
    assert members(response.data) == files
    assert len(response.data) == int(response.headers["Content-Length"])
    assert response.headers["Skipped-Count"] == "0"


def test_it_has_no_data_descriptors(app: Flask, client: FlaskClient) -> None:
    response = ask(client, add_files(app, {"a.jpg": b"a", "b.jpg": b"b"}))

    with zipfile.ZipFile(io.BytesIO(response.data)) as reader:
        assert [info.flag_bits & 0x08 for info in reader.infolist()] == [0, 0]


def test_it_is_said_to_be_deprecated_and_by_what_it_is_replaced(app: Flask, client: FlaskClient) -> None:
    response = ask(client, add_files(app, {"a.jpg": b"a"}))

    assert response.headers["Deprecation"].startswith("@")
    assert response.headers["Link"] == f'<{JOBS}>; rel="successor-version"'


def test_the_archive_is_called_as_was_wished(app: Flask, client: FlaskClient) -> None:
    response = ask(client, add_files(app, {"a.jpg": b"a"}), archiveName='Fahrt "ins"\nGrüne')

    header = Message()
    header["Content-Disposition"] = response.headers["Content-Disposition"]
    assert header.get_content_disposition() == "attachment"
    assert header.get_filename() is not None
    assert "\n" not in response.headers["Content-Disposition"]
    assert "Gr%C3%BCne.zip" in response.headers["Content-Disposition"]


def test_names_are_made_unique_and_repetitions_count_once(app: Flask, client: FlaskClient) -> None:
    first, second = add_files(app, {"A.jpg": b"1"}) + add_files(app, {"a.jpg": b"2"})

    response = ask(client, [first, second, first], layout="flat")

    assert members(response.data) == {"A.jpg": b"1", "a (2).jpg": b"2"}


def test_what_is_missing_is_left_out_and_listed(app: Flask, client: FlaskClient) -> None:
    kept, lost = add_files(app, {"kept.jpg": b"kept", "lost.jpg": b"lost"})
    lose(app, lost)

    response = ask(client, [kept, lost])

    found = members(response.data)
    assert b"lost.jpg\tnot_found" in found.pop("_skipped_files.txt")
    assert found == {"kept.jpg": b"kept"}
    assert response.headers["Skipped-Count"] == "1"
    assert len(response.data) == int(response.headers["Content-Length"])


@pytest.mark.parametrize(("names", "policy"), [(["kept.jpg", "lost.jpg"], "fail"), (["lost.jpg"], "skip")])
def test_an_archive_that_would_lack_something_is_refused(
    app: Flask, client: FlaskClient, names: list[str], policy: str
) -> None:
    ids = add_files(app, dict.fromkeys(names, b"x"))
    lose(app, ids[-1])

    response = ask(client, ids, onMissing=policy)

    assert (response.status_code, response.json["code"]) == (409, "files_unavailable")
    assert "lost.jpg (not_found)" in response.json["detail"]


def test_twenty_files_are_one_too_many(app: Flask, client: FlaskClient) -> None:
    ids = add_files(app, {f"{number}.jpg": b"x" for number in range(20)})

    refused = ask(client, ids)
    accepted = ask(client, ids[:19])

    assert (refused.status_code, refused.json["code"], refused.json["limit"]) == (422, "too_many_files", 19)
    assert len(members(accepted.data)) == 19


def test_an_operators_smaller_limit_holds_here_too(tmp_path: Path) -> None:
    with running_unit_app(make_settings(tmp_path, max_files=2)) as app:
        response = ask(client_of(app), add_files(app, {f"{number}.jpg": b"x" for number in range(3)}))

    assert (response.json["code"], response.json["limit"]) == ("too_many_files", 2)


@pytest.mark.parametrize("catalogue_knows", [True, False])
def test_too_many_bytes_are_refused_whoever_finds_out(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, catalogue_knows: bool
) -> None:
    monkeypatch.setattr(bulkdl.jobs.direct, "MAX_BYTES", 10)
    (asset_id,) = add_files(app, {"a.jpg": b"x" * (11 if catalogue_knows else 5)})
    if not catalogue_knows:
        runtime_of(app).store.put("media", f"originals/{asset_id}", b"x" * 11, content_type="image/jpeg")

    response = ask(client, [asset_id])

    assert (response.status_code, response.json["code"]) == (422, "too_many_bytes")
    assert (response.json["size"], response.json["limit"]) == (11, 10)


def test_others_projects_and_unknown_assets_are_refused(app: Flask, client: FlaskClient) -> None:
    theirs = client.post(DIRECT, json={"projectId": "theirs", "assetIds": ["a"]})
    unknown = ask(client, ["nowhere"])
    nobody = ask(app.test_client(), ["a"])

    assert (theirs.status_code, unknown.status_code, nobody.status_code) == (403, 404, 401)


def test_nothing_is_written_down(app: Flask, client: FlaskClient, store: TestStore) -> None:
    assert ask(client, add_files(app, {"a.jpg": b"a"})).data

    assert client.get(JOBS).json == {"jobs": [], "nextCursor": None}
    assert list(store.list_objects("archives")) == []


def answer_reads(store: TestStore, *answers: Exception | int | None) -> None:
    """Prepare what becomes of the reads to come: an error, so many bytes, or all; after them all arrives."""
    remaining = iter(answers)

    def on_read(version: ObjectVersion, offset: int, target: memoryview) -> int | None:
        answer = next(remaining, None)
        if isinstance(answer, Exception):
            raise answer
        return answer

    store.on_read = on_read


CHANGED = ObjectChanged("another ETag", bucket="media", key="k")


def test_a_read_that_breaks_off_goes_on_where_it_was(app: Flask, client: FlaskClient, store: TestStore) -> None:
    files = {"a.jpg": bytes(range(256)) * 40, "b.jpg": b"b" * 1000}
    ids = add_files(app, files)
    answer_reads(store, 100, StorageUnavailable("gone for a moment"), 7)

    assert members(ask(client, ids).data) == files


@pytest.mark.parametrize("error", [CHANGED, StorageUnavailable("away", retry_after_s=0.0)])
def test_what_fails_before_the_first_byte_is_a_problem_document(
    app: Flask, client: FlaskClient, store: TestStore, error: Exception
) -> None:
    ids = add_files(app, {"a.jpg": b"a"})
    answer_reads(store, *[error] * 4)

    response = ask(client, ids)

    expected = (409, "files_unavailable") if error is CHANGED else (503, "storage_unavailable")
    assert (response.status_code, response.json["code"]) == expected


def test_what_fails_later_ends_the_answer_before_its_length(app: Flask, client: FlaskClient, store: TestStore) -> None:
    ids = add_files(app, {"a.jpg": b"a" * 1000, "b.jpg": b"b" * 1000})
    answer_reads(store, None, CHANGED)

    response = ask(client, ids)
    got: list[bytes] = []
    with pytest.raises(ObjectChanged):
        got.extend(response.iter_encoded())

    assert 1000 < len(b"".join(got)) < 1200 < int(response.headers["Content-Length"])


def test_a_file_larger_than_memory_should_hold_waits_on_disk(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulkdl.jobs.direct, "_IN_MEMORY", 1000)
    monkeypatch.setattr(bulkdl.jobs.direct, "_FETCHED", 700)
    monkeypatch.setattr(bulkdl.jobs.direct, "_SENT", 333)
    files = {"a.jpg": bytes(range(250)) * 20, "b.jpg": b"b" * 700, "c.jpg": b"c" * 701}

    assert members(ask(client, add_files(app, files)).data) == files


def test_only_so_many_are_sent_at_once_and_every_end_makes_room(app: Flask, client: FlaskClient) -> None:
    ids = add_files(app, {"a.jpg": b"a"})
    lose(app, lost := add_files(app, {"lost.jpg": b""})[0])
    unread = [ask(client, ids) for _ in range(AT_ONCE)]

    refused = ask(client, ids)
    unread.pop().close()
    failed = ask(client, [lost])
    accepted = ask(client, ids)

    assert (refused.status_code, refused.json["code"]) == (503, "service_unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    assert failed.status_code == 409
    assert members(accepted.data) == {"a.jpg": b"a"}
    for response in unread:
        response.close()


def test_a_reader_who_leaves_lets_go_of_the_file(app: Flask, client: FlaskClient) -> None:
    opened: list[Any] = []

    class Watched(SpooledTemporaryFile):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            opened.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulkdl.jobs.direct, "SpooledTemporaryFile", Watched)
        response = ask(client, add_files(app, {"a.jpg": b"a", "b.jpg": b"b"}))
    next(response.iter_encoded())
    response.close()

    assert [file.closed for file in opened] == [True]
