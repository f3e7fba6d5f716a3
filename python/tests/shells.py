"""A shell of IPython in the process of a test."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from IPython.core.interactiveshell import InteractiveShell

Run = Callable[[str], str]
"""Runs a cell, which must succeed, and gives back what it printed."""


def runner(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs cells in this shell."""

    def run(cell: str) -> str:
        capsys.readouterr()
        result = shell.run_cell(cell, store_history=False)
        printed = capsys.readouterr()
        text = printed.out + printed.err
        error = result.error_in_exec or result.error_before_exec
        if error is not None:
            raise AssertionError(f"{type(error).__name__}: {error}\n{text}")
        return text

    return run
