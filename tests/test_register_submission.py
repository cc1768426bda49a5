"""One log for many gateways: what the writer takes and refuses, and that no crash of either side loses or doubles an entry."""

from __future__ import annotations

import base64
import errno
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.deadlines import killed_after

from passerby import register
from passerby.cli import main
from passerby.errors import FormatError, RegisterError, StorageError, UsageError, VerificationError
from passerby.gateway.access.certificate import own_certificate
from passerby.register.storage.directory_store import Disk
from passerby.register.submission.submission import IntakeAnswer

ORIGIN = "cameras.example.org/log"
NOW = datetime.now(UTC).replace(microsecond=0)
STREAM = "a" * 32
WORDS = {"en": "Safety on the platforms"}


def registered(camera: str) -> register.CameraRegistered:
    return register.CameraRegistered(
        at=NOW, camera=camera, label="hall", purpose=WORDS, legal_basis=WORDS, position="act-2024", retention_h=0
    )


def checked(camera: str, runs: int = 1) -> register.SelfTest:
    return register.SelfTest(at=NOW, camera=camera, passed=True, runs=runs)


def operator(name: str = "City of Example", grace_s: int = 600) -> register.OperatorStated:
    return register.OperatorStated(at=NOW, name=name, contact="mailto:cameras@example.org", grace_s=grace_s)


class Shared:
    """A log, its intake, and the keys of its gateways."""

    def __init__(self, path: Path, *names: str, settings: register.IntakeSettings | None = None) -> None:
        self.path, self.settings = path, settings
        register.Log.create(path, origin=ORIGIN).close()
        self.keys = {name: register.FileSigner.fresh(name) for name in names}
        self.intake = register.Intake(path, settings)
        for key in self.keys.values():
            self.intake.book.admit(register.GatewayRights(key.key, operator=False))

    def send(self, name: str, entries: Mapping[int, register.Entry], stream: str = STREAM) -> IntakeAnswer:
        spelled = tuple((number, register.encode_entry(entry)) for number, entry in entries.items())
        return self.intake.take(register.Submission(name, ORIGIN, stream, spelled).to_note(self.keys[name]))

    def taken(self, name: str, entries: Mapping[int, register.Entry], stream: str = STREAM) -> list[int]:
        answer = self.send(name, entries, stream)
        assert answer.status == HTTPStatus.OK, answer.error
        found = [register.Proof.parse(text.encode()) for text in answer.proofs]
        policy = self.policy()
        for proof, entry in zip(found, entries.values(), strict=True):
            register.require(proof, entry, policy)
        return [proof.index for proof in found]

    def policy(self) -> register.Policy:
        with closing(register.LogReader.open(self.path)) as reader:
            return reader.snapshot.policy

    def entries(self) -> list[register.Entry]:
        with closing(register.LogReader.open(self.path)) as reader:
            return list(reader.entries())

    def again(self) -> None:
        self.intake.close()
        self.intake = register.Intake(self.path, self.settings)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Shared]:
    made = Shared(tmp_path / "log", "north", "south")
    yield made
    made.intake.close()


CAMERA, OTHER = "1" * 32, "2" * 32


# what is taken


def test_an_entry_is_answered_with_a_proof_under_the_logs_own_key(shared: Shared) -> None:
    assert shared.taken("north", {0: operator(), 1: registered(CAMERA), 2: checked(CAMERA)}) == [0, 1, 2]
    assert shared.taken("south", {0: registered(OTHER)}) == [3]
    with closing(register.LogReader.open(shared.path)) as reader:
        assert register.verify(reader).sound


def test_what_is_sent_again_is_known_again_also_after_a_restart(shared: Shared) -> None:
    entries: dict[int, register.Entry] = {0: registered(CAMERA), 5: checked(CAMERA), 6: checked(CAMERA)}
    first = shared.taken("north", entries)
    assert shared.taken("north", entries) == first
    shared.again()
    assert shared.taken("north", entries) == first
    assert shared.taken("north", {6: checked(CAMERA), 7: checked(CAMERA)}) == [2, 3], "two that read the same are two"
    assert len(shared.entries()) == 4


def test_a_queue_that_was_put_back_to_an_older_copy_is_named_and_nothing_is_written(shared: Shared) -> None:
    shared.taken("north", {0: registered(CAMERA), 1: checked(CAMERA), 2: checked(CAMERA, 2)})
    shared.taken("north", {2: checked(CAMERA, 2), 3: checked(CAMERA, 3)})
    for entries in ({2: checked(CAMERA, 9)}, {1: checked(CAMERA)}):
        answer = shared.send("north", entries)
        assert answer.status == HTTPStatus.CONFLICT
        assert "older copy" in answer.error
    assert len(shared.entries()) == 4
    assert shared.taken("north", {0: checked(CAMERA, 9)}, stream="b" * 32) == [4], "a new queue begins anew"


# who may say what


def test_a_camera_belongs_to_the_gateway_that_registered_it(shared: Shared) -> None:
    shared.taken("north", {0: registered(CAMERA)})
    for entry in (checked(CAMERA), registered(CAMERA)):
        answer = shared.send("south", {0: registered(OTHER), 1: entry})
        assert (answer.status, answer.number) == (HTTPStatus.FORBIDDEN, 1)
        assert "belongs to another gateway" in answer.error
    answer = shared.send("south", {0: checked("3" * 32)})
    assert "must be registered" in answer.error
    assert len(shared.entries()) == 1, "nothing of a submission is written when one of its entries is refused"


def test_cameras_of_a_log_that_was_written_before_belong_to_nobody_until_they_are_given(tmp_path: Path) -> None:
    with register.Log.create(tmp_path / "log", origin=ORIGIN) as log:
        log.append_many([operator("City of Example"), registered(CAMERA)])
    north = register.FileSigner.fresh("north")
    intake = register.Intake(tmp_path / "log")

    def answer(entry: register.Entry) -> IntakeAnswer:
        spelled = ((0, register.encode_entry(entry)),)
        return intake.take(register.Submission("north", ORIGIN, secrets.token_hex(16), spelled).to_note(north))

    with closing(intake):
        intake.book.admit(register.GatewayRights(north.key, operator=False))
        assert "no gateway yet" in answer(registered(CAMERA)).error
        assert "operator and grace time must be" in answer(operator("Somebody else")).error
        intake.book.admit(register.GatewayRights(north.key, operator=False), [CAMERA])
        assert answer(checked(CAMERA)).status == HTTPStatus.OK
        assert answer(operator("City of Example")).status == HTTPStatus.OK, "what it says already may be said again"


def test_the_operator_is_stated_once_and_changed_only_by_who_may(shared: Shared) -> None:
    shared.taken("north", {0: operator()})
    assert shared.send("south", {0: operator(grace_s=9000)}).status == HTTPStatus.FORBIDDEN
    shared.again()
    assert shared.send("south", {0: operator(grace_s=9000)}).status == HTTPStatus.FORBIDDEN
    shared.intake.book.admit(register.GatewayRights(shared.keys["south"].key, operator=True))
    shared.taken("south", {0: operator(grace_s=9000)})
    shared.taken("north", {1: operator(grace_s=9000)})


def test_what_is_the_operators_to_append_is_refused_from_a_gateway(shared: Shared) -> None:
    case = register.new_identifier()
    for entry in (
        register.Remark(at=NOW, text="all is well"),
        register.KeyAdded(at=NOW, holder="operator", name=ORIGIN, use="log", key="x"),
        register.RequestWithdrawn(at=NOW, case=case),
        register.SpotCheck(at=NOW, camera=CAMERA, auditor="me", passed=True, report="sha256:" + "0" * 64),
    ):
        answer = shared.send("north", {0: entry})
        assert answer.status == HTTPStatus.FORBIDDEN
        assert "must be appended by the operator" in answer.error
    assert shared.entries() == []


def test_a_stranger_and_one_who_was_barred_are_refused(shared: Shared) -> None:
    shared.keys["stranger"] = register.FileSigner.fresh("stranger")
    assert shared.send("stranger", {0: registered(CAMERA)}).status == HTTPStatus.UNAUTHORIZED
    shared.keys["imitator"] = register.FileSigner.fresh("north")
    assert shared.send("imitator", {0: registered(CAMERA)}).status == HTTPStatus.UNAUTHORIZED
    shared.intake.book.bar("north")
    assert shared.send("north", {0: registered(CAMERA)}).status == HTTPStatus.UNAUTHORIZED
    with pytest.raises(UsageError, match="must be one that may submit"):
        shared.intake.book.bar("north")


def test_a_submission_for_another_log_is_refused(shared: Shared) -> None:
    entries = ((0, register.encode_entry(registered(CAMERA))),)
    raw = register.Submission("north", "other.example/log", STREAM, entries).to_note(shared.keys["north"])
    assert shared.intake.take(raw).status == HTTPStatus.CONFLICT


@pytest.mark.parametrize(
    "text",
    [
        "", "passerby submission v2\no\n" + STREAM + "\n0 {}\n", f"passerby submission v1\n{ORIGIN}\n{STREAM}\n",
        f"passerby submission v1\n{ORIGIN}\nzz\n0 {{}}\n", f"passerby submission v1\n{ORIGIN}\n{STREAM}\n-1 {{}}\n",
        f"passerby submission v1\n{ORIGIN}\n{STREAM}\n1 {{}}\n1 {{}}\n",
        f"passerby submission v1\n{ORIGIN}\n{STREAM}\n2 {{}}\n1 {{}}\n",
        f"passerby submission v1\n{ORIGIN}\n{STREAM}\n" + "".join(f"{n} {{}}\n" for n in range(65)),
        f"passerby submission v1\n{ORIGIN}\n{STREAM}\n9223372036854775808 {{}}\n",
    ],
)  # fmt: skip
def test_what_is_no_submission_is_refused(shared: Shared, text: str) -> None:
    key = shared.keys["north"]
    line = f"\u2014 north {base64.b64encode(key.key.key_id + key.sign(text.encode())).decode()}\n"
    assert shared.intake.take(f"{text}\n{line}".encode()).status == HTTPStatus.BAD_REQUEST


def test_an_entry_that_fits_no_form_or_is_dated_far_ahead_is_refused_by_its_number(shared: Shared) -> None:
    note = register.Submission("north", ORIGIN, STREAM, ((3, b'{"kind":"nothing"}'),)).to_note(shared.keys["north"])
    assert (shared.intake.take(note).status, shared.intake.take(note).number) == (422, 3)
    ahead = registered(CAMERA).model_copy(update={"at": NOW + timedelta(days=400)})
    answer = shared.send("north", {0: ahead})
    assert (answer.status, answer.number) == (422, 0)
    assert shared.entries() == []


def test_a_gateway_that_sends_too_much_waits_and_the_others_do_not(tmp_path: Path) -> None:
    clock = [0.0]
    shared = Shared(
        tmp_path / "log", "north", "south",
        settings=register.IntakeSettings(per_s=2.0, burst=4, clock=lambda: clock[0]),
    )  # fmt: skip
    with closing(shared.intake):
        shared.taken("north", {0: registered(CAMERA), 1: checked(CAMERA), 2: checked(CAMERA)})
        answer = shared.send("north", {3: checked(CAMERA), 4: checked(CAMERA)})
        assert (answer.status, answer.retry_s) == (HTTPStatus.TOO_MANY_REQUESTS, 1)
        shared.taken("south", {0: registered(OTHER)})
        clock[0] += 1.0
        shared.taken("north", {3: checked(CAMERA), 4: checked(CAMERA)})


# what no crash may do


class Breaking(Disk):
    """A disk whose n-th durable write from now on fails."""

    def __init__(self) -> None:
        self.left = -1

    def fsync_all(self, fds: Sequence[int]) -> None:
        self._step()
        super().fsync_all(fds)

    def sync_directories(self, paths: Sequence[Path]) -> None:
        self._step()
        super().sync_directories(paths)

    def _step(self) -> None:
        if self.left > 0:
            self.left -= 1
            if self.left == 0:
                raise OSError(errno.EIO, "broken on purpose")


class ManyGateways(RuleBasedStateMachine):
    """Gateways send from their queues, in order; writer and disk fail in between; answers get lost."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.disk = Breaking()
        opened = register.WriterSettings(disk=self.disk)
        self.shared = Shared(
            self.folder / "log", "north", "south",
            settings=register.IntakeSettings(opened=lambda path: register.Log.open(path, settings=opened)),
        )  # fmt: skip
        self.cameras = {"north": CAMERA, "south": OTHER}
        self.queued: dict[str, list[tuple[int, register.Entry]]] = {}
        self.put: dict[str, list[register.Entry]] = {}
        for name, camera in self.cameras.items():
            self.queued[name] = [(0, registered(camera))]
            self.put[name] = [registered(camera)]
        self.number = 0

    @rule(name=st.sampled_from(["north", "south"]), runs=st.integers(1, 2), gap=st.integers(1, 3))
    def queue(self, name: str, runs: int, gap: int) -> None:
        self.number += gap
        entry = checked(self.cameras[name], runs)
        self.queued[name].append((self.number, entry))
        self.put[name].append(entry)

    @rule(name=st.sampled_from(["north", "south"]), most=st.integers(1, 5), heard=st.booleans())
    def send(self, name: str, most: int, heard: bool) -> None:
        batch = dict(self.queued[name][:most])
        if not batch:
            return
        answer = self.shared.send(name, batch)
        if answer.status == HTTPStatus.OK and heard:
            del self.queued[name][:most]
        else:
            assert answer.status in {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE}, answer.error

    @rule(step=st.integers(1, 8))
    def break_disk(self, step: int) -> None:
        self.disk.left = step

    @rule()
    def crash(self) -> None:
        self.disk.left = -1
        self.shared.again()

    @invariant()
    def nothing_is_doubled_or_out_of_order(self) -> None:
        if self.disk.left > 0:
            return
        entries = self.shared.entries()
        for name, camera in self.cameras.items():
            mine = [entry for entry in entries if getattr(entry, "camera", "") == camera]
            assert mine == self.put[name][: len(mine)]
            assert len(mine) >= len(self.put[name]) - len(self.queued[name]), "what was acknowledged stands"

    def teardown(self) -> None:
        self.disk.left = -1
        for name in self.cameras:
            while self.queued[name]:
                batch = dict(self.queued[name][:64])
                assert self.shared.send(name, batch).status == HTTPStatus.OK
                del self.queued[name][:64]
        self.nothing_is_doubled_or_out_of_order()
        self.shared.intake.close()
        shutil.rmtree(self.folder)


TestManyGateways = ManyGateways.TestCase
TestManyGateways.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)


# over a socket


@contextmanager
def running(log: Path, address: str, *more: str) -> Iterator[subprocess.Popen[str]]:
    """``passerby register run`` in a process of its own."""
    command = [sys.executable, "-m", "passerby", "register", "run", str(log), "--listen", address, *more]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        with killed_after(process, 60):
            line = process.stderr.readline()
        assert line.startswith("writing "), line
        yield process
    finally:
        process.kill()
        process.communicate()


def short_folder() -> tempfile.TemporaryDirectory[str]:
    """A Unix socket's path must be short."""
    return tempfile.TemporaryDirectory(prefix="ps-", dir="/tmp")


def test_a_gateway_submits_over_a_unix_socket_and_follows_a_change_of_the_logs_key() -> None:
    with short_folder() as folder:
        log, address = Path(folder, "log"), f"unix:{folder}/s"
        register.Log.create(log, origin=ORIGIN).close()
        with closing(register.LogReader.open(log)) as reader:
            vkey = reader.snapshot.trust.key
        key = register.FileSigner.fresh("north")
        client = register.SubmissionClient(address, key, vkey)
        entries = [(0, register.encode_entry(registered(CAMERA))), (1, register.encode_entry(checked(CAMERA)))]
        with pytest.raises(StorageError, match="cannot be reached"):
            client.submit(STREAM, entries)
        with running(log, address):
            with pytest.raises(VerificationError, match="does not know this gateway") as told:
                client.submit(STREAM, entries)
            assert str(key.key) in (told.value.hint or "")
            main_ok("register", "gateway", "add", str(log), str(key.key))
            assert client.submit(STREAM, entries[:1]) is None
            refused = client.submit(STREAM, [(2, register.encode_entry(register.Remark(at=NOW, text="x")))])
            assert refused is not None
            assert refused.number == 2
        with register.Log.open(log) as opened:
            opened.rotate()
        with running(log, address):
            assert client.submit(STREAM, [entries[1]]) is None, "the new key is proven by the old one"
            stranger = register.SubmissionClient(address, key, register.FileSigner.fresh(ORIGIN).key)
            with pytest.raises(VerificationError):
                stranger.submit(STREAM, [entries[1]])
            stranger.close()
        client.close()


def main_ok(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert not ended.value.code


def test_a_writer_that_answers_without_proof_or_without_end_is_not_believed() -> None:
    vkey, key = register.FileSigner.fresh(ORIGIN).key, register.FileSigner.fresh("north")
    entries = [(0, register.encode_entry(registered(CAMERA)))]

    def told(answer: bytes, *, hangs: bool = False) -> type[BaseException] | None:
        with short_folder() as folder, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{folder}/s")
            listener.listen()
            done = threading.Event()

            def serve() -> None:
                asked = b""
                while not asked:  # it looks first whether anybody listens
                    connection, _ = listener.accept()
                    with connection:
                        asked = connection.recv(65536)
                        if asked:
                            connection.sendall(answer)
                            if hangs:
                                done.wait(10)

            serving = threading.Thread(target=serve)
            serving.start()
            client = register.SubmissionClient(f"unix:{folder}/s", key, vkey, deadline_s=0.5 if hangs else 30)
            try:
                client.submit(STREAM, entries)
            except RegisterError as exc:
                return type(exc)
            finally:
                client.close()
                done.set()
                serving.join()
        return None

    def http(body: bytes, status: str = "200 OK") -> bytes:
        return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body

    assert told(http(b'{"proofs": []}')) is FormatError
    assert told(http(b'{"proofs": ["x"]}')) is FormatError
    assert told(http(b"[")) is FormatError
    assert told(http(b"[" * 100_000)) is FormatError
    assert told(http(b'{"error": "no", "number": 7}', "403 Forbidden")) is StorageError, "not one of ours"
    assert told(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", hangs=True) is StorageError


def test_commands_name_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    register.Log.create(log, origin=ORIGIN).close()
    for words, wanted in (
        (["run", str(log), "--listen", "0.0.0.0:1"], "must be unix:/PATH without a certificate"),
        (["run", str(log), "--certificate", __file__], "must both be given"),
        (["gateway", "add", str(log), "nokey"], "verifier key must be"),
        (["gateway", "add", str(tmp_path / "nothing"), str(register.FileSigner.fresh("n").key)], "holds no log"),
        (
            ["gateway", "add", str(log), str(register.FileSigner.fresh("n").key), "--camera", "7"],
            "must be 32 hex digits",
        ),
        (["gateway", "remove", str(log), "north"], "must be one that may submit"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["register", *words])
        assert ended.value.code == 2
        assert wanted in capsys.readouterr().err
    with pytest.raises(UsageError, match="must be like unix:"):
        register.SubmissionClient("http://h", register.FileSigner.fresh("n"), register.FileSigner.fresh("n").key)


def test_a_gateway_submits_over_tls_and_trusts_only_the_certificates_it_was_given(tmp_path: Path) -> None:
    certificate, key, _ = own_certificate(tmp_path / "tls", "localhost")
    log = tmp_path / "log"
    register.Log.create(log, origin=ORIGIN).close()
    with closing(register.LogReader.open(log)) as reader:
        vkey = reader.snapshot.trust.key
    north = register.FileSigner.fresh("north")
    main_ok("register", "gateway", "add", str(log), str(north.key))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    entries = [(0, register.encode_entry(registered(CAMERA)))]
    with running(log, f"127.0.0.1:{port}", "--certificate", str(certificate), "--key", str(key)):
        distrusting = register.SubmissionClient(f"https://localhost:{port}", north, vkey)
        with pytest.raises(StorageError, match="cannot be reached"):
            distrusting.submit(STREAM, entries)
        distrusting.close()
        client = register.SubmissionClient(f"https://localhost:{port}", north, vkey, ca=certificate)
        assert client.submit(STREAM, entries) is None
        client.close()


def test_a_submission_that_is_too_large_is_refused_before_it_is_read_whole() -> None:
    with short_folder() as folder:
        log, address = Path(folder, "log"), f"unix:{folder}/s"
        register.Log.create(log, origin=ORIGIN).close()
        with running(log, address), httpx.Client(transport=httpx.HTTPTransport(uds=f"{folder}/s")) as client:
            assert client.post("http://register/submit", content=b"x" * 600_000).status_code == 413
            assert client.post("http://register/submit", content=b"x").status_code == 400
            assert client.get("http://register/rotation/0.tlog-proof").status_code == 404
            assert client.get("http://register/submit").status_code == 405
