"""Every answer of a witness, status by status: the table of ``vectors/witness.json``, replayed over HTTP.

Where ``PASSERBY_WITNESS_CLIENTS`` names the program built from ``interop/witness.go``, the public clients' own code asks as well.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from passerby.register import FileSigner, Log, Policy, Remark, Witness, WriterSettings, witness_app
from passerby.register.notes.note import COSIGNATURE
from passerby.register.witness.witness import MAX_REQUEST_BYTES

HERE = Path(__file__).parent
TABLE: dict[str, Any] = json.loads((HERE / "vectors" / "witness.json").read_text())
CLIENTS = os.environ.get("PASSERBY_WITNESS_CLIENTS")
needs_clients = pytest.mark.skipif(not CLIENTS, reason="PASSERBY_WITNESS_CLIENTS names no program")


@contextmanager
def served(path: Path, *, body_s: float = 20.0, clock: Callable[[], datetime] | None = None) -> Iterator[str]:
    """The witness of the table, from nothing signed, at an address."""
    made = TABLE["witness"]
    signer = FileSigner(made["name"], COSIGNATURE, bytes.fromhex(made["seed"]))
    Witness.create(path, made["name"])
    for log in TABLE["logs"]:
        Witness.add_log(path, log)
    at = datetime.fromtimestamp(TABLE["time_s"], UTC)
    witness = Witness(path, signer, settings=WriterSettings(clock=clock or (lambda: at)))
    server = uvicorn.Server(uvicorn.Config(witness_app(witness, body_s=body_s), log_level="critical"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            witness.close()


def test_table_is_what_its_script_makes(capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("make_witness", HERE / "vectors" / "make_witness.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main()
    assert json.loads(capsys.readouterr().out) == TABLE


def test_every_answer_is_to_the_letter(tmp_path: Path) -> None:
    statuses = set()
    with served(tmp_path / "w") as url, httpx.Client(base_url=url) as client:
        for case in TABLE["cases"]:
            body = None if case["body"] is None else case["body"].encode()
            answer = client.request(case["method"], case["path"], content=body)
            wanted, name = case["answer"], case["name"]
            assert answer.status_code == wanted["status"], name
            assert answer.headers.get_list("content-type") == [wanted["content-type"]], name
            if wanted["body"] is not None:
                assert answer.content.decode() == wanted["body"], name
            else:
                assert answer.text.endswith("\n"), name
            statuses.add(answer.status_code)
    assert statuses == {200, 400, 403, 404, 409, 422}, "all that the specification names"


def test_a_request_is_bounded_in_bytes_and_time(tmp_path: Path) -> None:
    with served(tmp_path / "w", body_s=0.3) as url, httpx.Client(base_url=url) as client:
        assert client.post("/add-checkpoint", content=b"x" * MAX_REQUEST_BYTES).status_code == 400
        assert client.post("/add-checkpoint", content=b"x" * (MAX_REQUEST_BYTES + 1)).status_code == 413
        with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as slow:
            slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nold")
            answer = b"".join(iter(lambda: slow.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 408 "), "and it hung up"
        assert client.get("/").status_code == 200


def ask(*arguments: str, given: str) -> str:
    """What the public clients' program says."""
    done = subprocess.run(
        [str(CLIENTS), *arguments], input=given, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


@needs_clients
def test_the_public_witness_client_understands_every_answer(tmp_path: Path) -> None:
    asked = 0
    with served(tmp_path / "w") as url, httpx.Client(base_url=url) as client:
        for case in TABLE["cases"]:
            if case["client"] is None:
                client.request(case["method"], case["path"], content=(case["body"] or "").encode())
                continue
            head, _, checkpoint = case["body"].partition("\n\n")
            old, *hashes = head.split("\n")
            said = ask("update", url, old.removeprefix("old "), given=",".join(hashes) + "\n" + checkpoint)
            assert said.startswith(case["client"]), (case["name"], said)
            asked += 1
    assert asked > 20


@needs_clients
def test_tessera_s_gateway_gets_its_checkpoints_signed(tmp_path: Path) -> None:
    """It begins with old size 0, learns the size from the 409, and sends the proof of its own tiles."""
    origin, signer = TABLE["logs"][0].split("+")[0], FileSigner("example.com/log", 1, b"l" * 32)
    with served(tmp_path / "w", clock=lambda: datetime.now(UTC)) as url:
        key = TABLE["witness"]["vkey"]
        with Log.create(tmp_path / "log", origin=origin, signer=signer) as log:
            for more in (1, 4, 300, 600):
                log.append_many([Remark(at=datetime.now(UTC), text=str(i)) for i in range(more)])
                note = (tmp_path / "log" / "public" / "checkpoint").read_text()
                said = ask("gateway", url, key, str(tmp_path / "log" / "public"), given=note)
                *logged, line, count = said.splitlines()
                assert count == "signatures 1", said
                assert not [entry for entry in logged if "ERROR" in entry], said
                policy = Policy.parse(f"log {signer.key}\nwitness w {key}\nquorum w\n")
                assert policy.open(f"{note}{line}\n".encode())[0].size == log.size
