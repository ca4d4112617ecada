"""The fixtures themselves: what they promise to the tests that use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis
import sqlalchemy as sa

from tests.services.redis import RedisServer
from tests.services.s3 import list_uploads

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def test_database_is_migrated_and_empty(database_url: str) -> None:
    engine = sa.create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))

    with engine.connect() as connection:
        count = connection.execute(sa.text("SELECT count(*) FROM bulk_download_jobs")).scalar_one()

    assert count == 0
    engine.dispose()


def test_bucket_is_fresh_and_holds_what_is_put(bucket: str, s3_client: S3Client) -> None:
    s3_client.create_multipart_upload(Bucket=bucket, Key="left-open")
    s3_client.put_object(Bucket=bucket, Key="a", Body=b"bytes")

    assert s3_client.get_object(Bucket=bucket, Key="a")["Body"].read() == b"bytes"
    assert len(list_uploads(s3_client, bucket)) == 1


@pytest.mark.parametrize("turn", [1, 2])
def test_redis_forgets_between_tests(redis_client: redis.Redis, turn: int) -> None:
    assert redis_client.get("a") is None

    redis_client.set("a", turn)


def test_private_redis_keeps_its_data_through_a_kill(redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("a", 1)

    redis_server.kill()
    redis_server.start()

    with redis.Redis.from_url(redis_server.url) as client:
        assert client.get("a") == b"1"
