"""What a kernel sends, whatever is called and whatever fails in it."""

from __future__ import annotations

from kernels import Notebook, find_tokens
from testbed import Home, Quickstart

CALLS = [
    "%load_ext freshkey",
    "import copy, os, pickle, ssl, sys, urllib.request\nimport freshkey",
    "freshkey.token()",
    "await freshkey.token_async()",
    "s = freshkey.Session()\ns, s.status(), s.profile",
    "s.authorization(os.environ['API'])",
    "s.renew(), s.renew(freshkey.token())",
    "s._account.token(), vars(freshkey.session), dir(s)",
    "os.environ",
    "%env",
    "!env",
    "print(freshkey.token(), {'h': str(freshkey.token())}, str(s.authorization(os.environ['API'])['Authorization']).encode())",
    "print('x' * 5000 + freshkey.token() + 'y' * 5000, file=sys.stderr)",
    "from IPython.display import HTML, display\ndisplay({'text/plain': str(freshkey.token())}, raw=True)\nHTML('<b>' + freshkey.token() + '</b>')",
    "%update_token",
    "%token",
    "%config Freshkey",
    "%whos",
]
FAILURES = [
    "def send(token):\n    plain = str(token)\n    header = b'Authorization: Bearer ' + plain.encode()\n    short = plain[:60]\n"
    "    raise ValueError('could not send ' + plain + repr(header) + short + str([plain, header]))\nsend(freshkey.token())",
    # Whole requests are variables of the standard library then.
    "r = urllib.request.Request('http://127.0.0.1:9/', headers={'Authorization': 'Bearer ' + freshkey.token()})\nurllib.request.urlopen(r)",
    "r = urllib.request.Request(os.environ['API'], headers={'Authorization': 'Bearer x' + freshkey.token()})\n"
    "urllib.request.urlopen(r, context=ssl.create_default_context(cafile=os.environ['CA']))",
    "pickle.dumps(freshkey.token())",
    "freshkey.token('nobody')",
    "freshkey.token(min_ttl=-1)",
    "%token nonsense",
    "%update_token nonsense",
    "token = str(freshkey.token())\nassert token == 'x', token",
    "class E(Exception):\n    pass\ntry:\n    raise E(os.environ['AUTH_TOKEN'])\nexcept E as error:\n    raise ExceptionGroup(token, [error])",
    "import logging\nlogging.error('the token is %s', token)\n1 / 0",
    "%unload_ext freshkey",
]


def test_t_080_whatever_is_called_and_whatever_fails_a_kernel_sends_no_token(home: Home, quickstart: Quickstart) -> None:
    home.sign_in(quickstart)
    token = home.freshkey("token", "--no-agent")
    modes = ["%xmode Verbose", *FAILURES[:-1], "%xmode Context", *FAILURES]
    variables = {"API": quickstart.userinfo, "CA": quickstart.ca_file, "AUTH_TOKEN": token}
    notebook = Notebook([*CALLS, *modes], home, variables, allow_errors=True).run()
    for index, cell in enumerate(CALLS):
        assert all(output.output_type != "error" for output in notebook.nb.cells[index].outputs), (cell, notebook.said(index))
    failed = [cell.source for cell in notebook.nb.cells[len(CALLS) :] if any(output.output_type == "error" for output in cell.outputs)]
    assert len(failed) >= 2 * (len(FAILURES) - 4), failed
    everything = notebook.everything()
    # It was there, and was masked.
    assert everything.count("<a token, not shown>") > 50
    assert find_tokens(everything, token, home.freshkey("token", "--no-agent")) == []
    for path in (path for path in home.path.rglob("*") if path.is_file()):
        assert find_tokens(path.read_bytes().decode("latin-1"), token) == [], path


def test_t_080_what_is_no_token_is_sent_as_it_is(home: Home, quickstart: Quickstart) -> None:
    home.sign_in(quickstart)
    image = "from IPython.display import Image\nimport base64, random\nrandom.seed(7)\n"
    cells = ["%load_ext freshkey", image + "Image(random.randbytes(2_000_000), format='png')", "print('eyJhbGciOiJub25lIn0.e30.')"]
    notebook = Notebook(cells, home).run()
    plain = Notebook(cells[1:], home).run()
    assert notebook.nb.cells[1].outputs[0].data == plain.nb.cells[0].outputs[0].data
    assert notebook.printed(2) == plain.printed(1)
