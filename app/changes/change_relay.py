"""Tells other hosts through Redis at once which images' stored settings have changed."""

import json
import logging
import threading
from collections.abc import Iterable
from typing import Any, Protocol

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.changes.freshness import Freshness
from app.host_lock import HostLock
from render.waiting import spawn

log = logging.getLogger(__name__)

_CHANNEL = "blitzrender:changed"
#: Stands for all images.
_EVERYTHING = "everything"
#: How long Redis may take, and how long it is then left alone.
_TIMEOUT_S = 0.5
_REST_S = 2.0
#: How often a subscriber looks whether it is to end, and whether Redis is still there.
_LISTEN_S = 0.5
_SIGN_OF_LIFE_S = 10
_CLOSE_S = 5.0


class Announcer(Protocol):
    """Whom to tell that settings have changed."""

    def touch(self, image_ids: Iterable[int]) -> None:
        """Outdate what is remembered of these images."""

    def touch_all(self) -> None:
        """Outdate what is remembered of any image."""


class ChangeRelay:
    """Outdates images here and on all hosts; one process of each host listens, by its lock.

    What could not be told, since Redis was away, is made up for by outdating everything: by the
    one who told when Redis is next there, and by those who listen when they listen again.
    """

    def __init__(self, url: str, freshness: Freshness, lock: HostLock) -> None:
        self._freshness = freshness
        self._lock = lock
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            health_check_interval=_SIGN_OF_LIFE_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._closed = threading.Event()
        self._ended = threading.Event()
        self._owes_everything = False
        self._complained = False

    def start(self) -> None:
        """Begin to listen, in the background."""
        spawn(self._listen_on)

    def close(self) -> None:
        """Stop listening and close the connections."""
        self._closed.set()
        self._ended.wait(_CLOSE_S)
        self._redis.close()

    def touch(self, image_ids: Iterable[int]) -> None:
        """Outdate what is remembered of these images, here and on all hosts. Never raises."""
        ids = list(image_ids)
        self._freshness.touch(ids)
        if ids:
            self._tell(_EVERYTHING if self._owes_everything else ids)

    def touch_all(self) -> None:
        """Outdate what is remembered of any image, here and on all hosts. Never raises."""
        self._freshness.touch_all()
        self._tell(_EVERYTHING)

    def _tell(self, what: Any) -> None:
        try:
            self._redis.publish(_CHANNEL, json.dumps(what))
            self._owes_everything = False
        except (redis.RedisError, OSError) as error:
            self._owes_everything = True
            self._complain(error)

    def _listen_on(self) -> None:
        try:
            while not self._closed.is_set():
                try:
                    if self._lock.acquire():
                        self._listen()
                except (redis.RedisError, OSError) as error:
                    self._complain(error)
                self._closed.wait(_REST_S)
        finally:
            self._lock.release()
            self._ended.set()

    def _listen(self) -> None:
        with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
            subscription.subscribe(_CHANNEL)
            # Only what Redis confirms is sure to be heard from now on.
            subscription.get_message(timeout=_TIMEOUT_S)
            self._freshness.touch_all()
            self._complained = False
            while not self._closed.is_set():
                message = subscription.get_message(timeout=_LISTEN_S)
                if message is not None:
                    self._hear(message["data"])

    def _hear(self, data: bytes) -> None:
        try:
            told = json.loads(data)
        except ValueError:
            told = _EVERYTHING
        if isinstance(told, list) and all(isinstance(image_id, int) for image_id in told):
            self._freshness.touch(told)
        else:
            self._freshness.touch_all()

    def _complain(self, error: Exception) -> None:
        if not self._complained:
            log.warning("Redis does not pass on what changes (%s); trying on", error)
        self._complained = True
