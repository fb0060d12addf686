"""`cityswitch office demo` (`make office`), whole: the logins it prints open its site, and it ends clean."""

import base64
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from ops.web.identity.second_factor import code_at
from simulators.audit.log import RECORD
from simulators.city.example import CITIES
from tests.ops.test_demo import read_until
from tests.patience import HANG_S
from tests.web.office_stage import Client

SMALL = """
import runpy
from simulators.city import population

whole = population.Population
population.Population = lambda seed, *sizes, **more: whole(seed, 800, 6, 8, *sizes[3:], **more)
import simulators.city.example
population.Population = whole
runpy.run_module("ops.cli", run_name="__main__", alter_sys=True)
"""
"""The command as it is, with cities of another size: its own take more than twice the time."""


def wait_for_trade(state: Path) -> None:
    """Wait until each city was answered: its six terminals have written down more than one question each."""
    deadline = time.monotonic() + HANG_S
    while True:
        written = [log.stat().st_size for log in state.glob("fleet/*/audit-*.log")]
        if len(written) == len(CITIES) and min(written) > 12 * RECORD.size:
            return
        assert time.monotonic() < deadline, written
        threading.Event().wait(0.05)


def test_who_reads_what_it_prints_signs_in(tmp_path: Path) -> None:
    """A holder, a partner, and an officer by the second factor; ended by a signal the books reconcile."""
    command = [sys.executable, "-c", SMALL, "office", "demo", "--state-dir", str(tmp_path)]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said = read_until(demo, "second factor: secret")
        found = re.search(
            r"Office: (http://\S+/) .*password of all: ([^\n]+)\n.*secret ([A-Z2-7 ]+),", said, re.DOTALL
        )
        assert found, said
        url, password, secret = found.groups()
        for login, page in (
            ("holder", "/en/me"),
            ("partner", "/en/partner"),
            ("officer", "/en/desk/holders"),
        ):
            client = Client(url)
            reply = client.sign_in("zgierz", login, password)
            if login == "officer":
                assert "/login/second" in reply.header("location"), reply.text
                client.get("/en/login/second")
                key = base64.b32decode(secret.replace(" ", ""))
                reply = client.post("/en/login/second", code=code_at(key, time.time()))
            assert reply.status == 303, reply.text
            assert client.get(page).status == 200, login
        wait_for_trade(tmp_path)
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=HANG_S)
    finally:
        demo.kill()
        demo.wait()
    assert demo.returncode == 0, rest
    assert "Everything reconciles." in rest
    assert "Traceback" not in said + rest
