"""A thread that looks after the token while cells run. It is the only one that waits for the client, so that a hook never has to."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Renewer:
    """Calls `look` whenever it is time to, and at once when somebody asks.

    `look` answers with the seconds until it is time again, and never raises.
    """

    def __init__(self, look: Callable[[], float]) -> None:
        self._look = look
        self._condition = threading.Condition()
        self._asked = 0
        self._done = 0
        self._is_over = False
        # A daemon: the end of a kernel waits for nobody, least of all for an agent that hangs.
        self._thread = threading.Thread(target=self._run, name="freshkey-renewer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Let it end as soon as it has looked, if it looks just now."""
        with self._condition:
            self._is_over = True
            self._condition.notify_all()

    def look_now(self, patience: float) -> bool:
        """Have it look, and wait for that, but no longer than `patience` seconds. Tell whether it has looked."""
        with self._condition:
            self._asked += 1
            mine = self._asked
            self._condition.notify_all()
            return self._condition.wait_for(lambda: self._done >= mine or self._is_over, patience)

    def _run(self) -> None:
        pause = 0.0
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._asked > self._done or self._is_over, pause)
                if self._is_over:
                    return
                asked = self._asked
            pause = self._look()
            with self._condition:
                self._done = asked
                self._condition.notify_all()
