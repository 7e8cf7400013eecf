"""A connection to a Dask scheduler that never keeps anybody waiting: an event loop in a thread, and a limit on each question.

What distributed waits for has limits of its own, but not everywhere: of something that answers and speaks another protocol it waits for
ever. So each question is given one here, and what comes of it is an exception of this module.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 5.0
"""How long a scheduler may take to answer at all."""

T = TypeVar("T")


class NoAnswerError(Exception):
    """The scheduler cannot be asked; the message says why. ``speaks_otherwise``: something is there, and it is no such scheduler."""

    def __init__(self, why: str, *, speaks_otherwise: bool = False) -> None:
        super().__init__(why)
        self.speaks_otherwise = speaks_otherwise


class Line:
    """A connection to the scheduler at ``address``, made when something is asked, and made again when it was lost.

    ``security`` is what distributed needs for TLS; None: what its own configuration says.
    """

    def __init__(self, address: str, security: object = None) -> None:
        self.address = address
        self._security = security
        self._client: Client | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="dask", daemon=True)
        self._thread.start()

    def ask(self, question: Callable[[Client], Coroutine[Any, Any, T]], limit_s: float) -> T:
        """Return the answer to ``question``, at most ``limit_s`` seconds after a connection stands.

        Raises:
            NoAnswerError: the scheduler is not there, is none, or did not answer in time.
        """
        return self._within(self._asked(question, limit_s), CONNECT_S + limit_s + 2)

    def close(self) -> None:
        """Let go of the connection; what was asked for goes on."""
        with contextlib.suppress(NoAnswerError):
            self._within(self._dropped(), CONNECT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CONNECT_S)
        if not self._thread.is_alive():
            self._loop.close()

    def _within(self, work: Coroutine[Any, Any, T], limit_s: float) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(limit_s)
        except TimeoutError:
            future.cancel()
            raise NoAnswerError(f"it did not answer within {limit_s:.0f} s") from None

    async def _asked(self, question: Callable[[Client], Coroutine[Any, Any, T]], limit_s: float) -> T:
        client = await self._connected()
        try:
            async with asyncio.timeout(limit_s):
                return await question(client)
        except TimeoutError:
            raise NoAnswerError(f"it did not answer within {limit_s:.0f} s") from None
        except OSError as error:  # CommClosedError is one
            raise NoAnswerError(str(error)) from None

    async def _connected(self) -> Client:
        from distributed import Client
        from distributed.versions import VersionMismatchWarning

        if self._client is not None and self._client.status == "running":
            return self._client
        await self._dropped()
        # What it has to say is said by whoever asked; of versions that differ, what matters is compared there.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        warnings.simplefilter("ignore", VersionMismatchWarning)
        await self._knock()
        try:
            client = Client(self.address, security=self._security, asynchronous=True, timeout=CONNECT_S, set_as_default=False)
            self._client = client
            async with asyncio.timeout(CONNECT_S + 1):
                await _awaited(client)
        except ValueError as error:  # of the address
            raise NoAnswerError(str(error)) from None
        except TimeoutError:
            await self._dropped()
            raise NoAnswerError("what answers there does not speak its protocol", speaks_otherwise=True) from None
        except (Exception, MemoryError) as error:  # what other protocols send is taken for sizes, names, anything
            await self._dropped()
            raise NoAnswerError(f"what answers there does not speak its protocol: {error}", speaks_otherwise=True) from None
        return client

    async def _knock(self) -> None:
        """Find out at once that nobody is there: distributed would try until its time is over."""
        host, _, port = self.address.rpartition("://")[2].rpartition(":")
        if not port.isdecimal():
            return
        try:
            async with asyncio.timeout(CONNECT_S):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except TimeoutError:
            raise NoAnswerError(f"it did not answer within {CONNECT_S:.0f} s") from None
        except (OSError, OverflowError) as error:
            number = getattr(error, "errno", None) or 0  # of a name that nobody knows it is negative, and none of the system's
            raise NoAnswerError(os.strerror(number) if number > 0 else getattr(error, "strerror", None) or str(error)) from None
        writer.close()

    async def _dropped(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):  # it is on its way out
                async with asyncio.timeout(CONNECT_S):
                    await client.close()


async def _awaited(client: Awaitable[T]) -> T:
    return await client
