"""Uploads beside a build: what is to go is written down in the local store, goes when there is time, and is not forgotten.

``outgoing/<key>-<name>`` in the local store is an empty file for each record that has yet to go. Whoever comes next goes on: a lock on each
sees to it that two do not send the same.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import Counter

from paperbuild.engine.digest import is_digest
from paperbuild.engine.ports import FileSystem, Lock
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Record
from paperbuild.sharing.link import Link
from paperbuild.sharing.patience import Down
from paperbuild.sharing.sending import Lacking, Sending
from paperbuild.sharing.transport import TransportError

AT_ONCE = 4
_MOST_FAILURES = 5


class Uploads:
    """The uploads of ``store``, sent by ``sending``. Used by several threads."""

    def __init__(self, link: Link, sending: Sending, store: Store, fs: FileSystem, lock: Lock) -> None:
        self._link = link
        self._sending = sending
        self._store = store
        self._fs = fs
        self._locks = lock
        self._folder = f"{store.root}/outgoing"
        self._queue: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._waiting: set[str] = set()
        self._failures: Counter[str] = Counter()
        self._threads = 0
        self._is_over = False
        self._resumed = False

    def offer(self, record: Record) -> None:
        """Have ``record`` sent, now or by a later command."""
        name = f"{record.key}-{record.name}"
        with contextlib.suppress(OSError):  # a store that can only be read; it goes now or never
            self._fs.make_folder(self._folder)
            self._fs.write(f"{self._folder}/{name}", b"")
        self._enqueue([name])

    def resume(self) -> None:
        """Go on with what earlier commands left, once."""
        with self._changed:
            if self._resumed:
                return
            self._resumed = True
        self._enqueue(self.left())

    def left(self) -> tuple[str, ...]:
        """Return the names of what has yet to go, by whomever."""
        return self._fs.names(self._folder)

    def _enqueue(self, names: list[str] | tuple[str, ...]) -> None:
        with self._changed:
            new = [name for name in names if name not in self._waiting]
            self._waiting.update(new)
            for name in new:
                self._queue.put(name)
            for _ in range(min(len(new), AT_ONCE - self._threads)):
                self._threads += 1
                threading.Thread(target=self._work, name="paperbuild-upload", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._changed:
                try:
                    name = self._queue.get_nowait()
                except queue.Empty:
                    self._threads -= 1
                    return
            try:
                again = not self._is_ended() and not self._send(name) and self._failures[name] < _MOST_FAILURES
            except BaseException:
                again = False
                raise
            finally:
                with self._changed:
                    if again and not self._is_ended():
                        self._queue.put(name)  # after the others
                    else:
                        self._waiting.discard(name)
                        self._changed.notify_all()

    def _is_ended(self) -> bool:
        return self._is_over or self._link.writes.is_down or self._link.reads.is_down

    def _send(self, name: str) -> bool:
        """Send a record; return whether there is nothing more to be done for it here."""
        hold = self._locks.attempt(f"{self._store.locks}/outgoing-{name}")
        if hold is None:
            return True  # another process is at it
        try:
            key, _, rest = name.partition("-")
            record = self._store.record(key, rest) if is_digest(key) and rest.isalnum() else None
            if record is not None:
                self._sending.send(record)
            self._fs.unlink(f"{self._folder}/{name}")
        except Lacking:
            self._fs.unlink(f"{self._folder}/{name}")  # nobody will ever be able to send it
        except TransportError as error:
            self._failures[name] += 1
            return not error.trouble.may_pass
        except (Down, OSError):
            pass  # a later command goes on
        finally:
            hold.release()
        return True

    def wait(self, most_s: float) -> int:
        """Wait until all is sent that can be, ``most_s`` seconds at most; return how many records have yet to go."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self._is_ended(), most_s)
        return len(self.left())

    def close(self) -> None:
        """Begin nothing any more."""
        self._is_over = True
