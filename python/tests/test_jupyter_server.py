"""What the Jupyter server answers, without a browser."""

from __future__ import annotations

import asyncio
import threading

from freshkey.jupyter.answers import Answer
from freshkey.jupyter.handlers import Work


def test_work_that_hangs_is_told_in_time_and_begun_once() -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()
    done: Answer = {"account": None, "trouble": None}

    def hang() -> Answer:
        begun.release()
        go_on.wait()
        return done

    async def ask() -> None:
        work = Work(hang, answer_s_max=0.01)
        for answer in [await work.answer(), *await asyncio.gather(work.answer(), work.answer())]:
            assert answer["trouble"] is not None
            assert answer["trouble"]["kind"] == "away"
            assert "0.01 seconds" in answer["trouble"]["cause"]
        assert begun.acquire(blocking=False)
        assert not begun.acquire(blocking=False)
        go_on.set()
        work = Work(hang)
        assert await work.answer() == done

    asyncio.run(ask())
