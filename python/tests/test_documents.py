"""What the documents say is run as it is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest
from kernels import Notebook, find_tokens
from testbed import ROOT, Home, Quickstart

REFRESHED = "Token successfully refreshed.\n"
NOTEBOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))


def blocks(document: str, kind: str) -> list[str]:
    """Return the blocks of a document that are marked with this word."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_of_the_documents_runs(path: Path, home: Home, quickstart: Quickstart) -> None:
    home.sign_in(quickstart)
    document = nbformat.read(path, as_version=4)
    code = [cell for cell in document.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code), "outputs are cleared before a notebook is kept"
    notebook = Notebook([cell.source for cell in code], home, {"KC_CACERT": quickstart.ca_file}).run()
    shown = notebook.everything()
    assert "demo" in shown
    assert find_tokens(shown) == []


def test_the_guide_to_notebooks_works_as_printed(home: Home, quickstart: Quickstart) -> None:
    home.sign_in(quickstart)
    notebook = Notebook(blocks("docs/guides/notebooks.md", "python notebook"), home).run()
    printed = [notebook.printed(index) for index in range(len(notebook.nb.cells))]
    assert printed[2] == REFRESHED
    assert printed[3].startswith("demo 59")
    assert printed[4] == "True None\n"


def test_the_wheel_is_all_that_the_lines_of_the_readme_need(home: Home, quickstart: Quickstart) -> None:
    home.sign_in(quickstart)
    (lines,) = blocks("README.md", "python notebook")
    assert len(lines.splitlines()) == 5
    place = home.path / "clean"
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    python = place / "bin/python3"
    # Nothing else is fetched: the package needs nothing but itself.
    pip = [python, "-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, os.environ["FRESHKEY_TEST_WHEEL"]], check=True)
    token = home.freshkey("token", "--no-agent")
    program = "import freshkey, sys; print(freshkey.token() == sys.stdin.read(), freshkey.__file__)"
    alone = subprocess.run([python, "-I", "-c", program], env=home.environment, input=token, capture_output=True, text=True, check=True)
    assert alone.stdout.startswith(f"True {place}"), alone.stdout + alone.stderr
    # IPython is borrowed: what is in the folder itself comes first.
    (site,) = place.glob("lib/python3*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    script = home.path / "lines.ipy"
    script.write_text(lines)
    command = [python, "-m", "IPython", "--no-banner", "--colors=NoColor", script]
    told = subprocess.run(command, env=home.environment, cwd=home.path, capture_output=True, text=True, check=True)
    assert told.stderr == ""
    first, second, third = told.stdout.splitlines()
    assert first.startswith("demo at ")
    assert second == "demo 59"
    assert f"{third}\n" == REFRESHED
