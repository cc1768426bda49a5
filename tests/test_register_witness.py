"""The witness: the specification's rules one by one, its memory, its race, over HTTP, and a log that asks it."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
import uvicorn

from passerby.errors import FormatError, LockedError, StorageError, UsageError, VerificationError
from passerby.register import (
    FileSigner,
    Log,
    LogReader,
    Policy,
    Remark,
    VerifierKey,
    Witness,
    WriterSettings,
    require,
    verify,
    witness_app,
)
from passerby.register.notes.checkpoint import Checkpoint, SignedCheckpoint
from passerby.register.notes.note import Signature, encode_base64, open_note, parse_signature, sign_note
from passerby.register.storage.directory_store import Disk
from passerby.register.storage.exchange import Exchanges
from passerby.register.tiles.merkle import EMPTY_ROOT, Frontier, leaf_hash, prove_consistency
from passerby.register.witness.cosigning import Cosigners, WitnessClient
from passerby.register.witness.witness import SIZE_TYPE, CosignRequest

ORIGIN = "example.com/behind-the-sofa"
LOG = FileSigner(ORIGIN, 1, b"l" * 32)
NOW = 1679315147
LEAVES = [leaf_hash(str(i).encode()) for i in range(40)]

# Source: C2SP tlog-witness, "Example request body"; the key that signed it is not published
SPEC_REQUEST = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()
SPOILED = Signature(ORIGIN, LOG.key.key_id, b"x" * 64).to_line().encode()


def node(level: int, index: int) -> bytes:
    edge = Frontier()
    for leaf in LEAVES[index << level : (index + 1) << level]:
        edge.add(leaf)
    return edge.root()


def tree_root(size: int) -> bytes:
    edge = Frontier()
    for leaf in LEAVES[:size]:
        edge.add(leaf)
    return edge.root()


def request(
    old: int,
    new: int,
    *,
    proof: list[bytes] | None = None,
    top: bytes | None = None,
    signers: tuple[FileSigner, ...] = (LOG,),
    origin: str = ORIGIN,
) -> bytes:
    hashes = (prove_consistency(old, new, node) if old <= new else []) if proof is None else proof
    text = Checkpoint(origin, new, top or tree_root(new)).to_text()
    note = sign_note(text, signers) if signers else f"{text}\n".encode()
    return "\n".join([f"old {old}", *map(encode_base64, hashes), "", ""]).encode() + note


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(witness: Witness, port: int) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(witness_app(witness), log_level="critical"))
    with socket.create_server(("127.0.0.1", port)) as listener:  # who comes before it runs has to wait, not to go
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def client_of(witness: Witness) -> Iterator[httpx.Client]:
    port = free_port()
    with serving(witness, port), httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        yield client


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Witness.create(tmp_path / "w", "witness.example/w1")
    Witness.add_log(tmp_path / "w", str(LOG.key))
    return tmp_path / "w"


class FullDisk(Disk):
    """A disk that can be without room."""

    full = False

    def create(self, path: Path, mode: int) -> int:
        if self.full:
            raise OSError(28, "disk is full")
        return super().create(path, mode)


@pytest.fixture
def disk() -> FullDisk:
    return FullDisk()


@pytest.fixture
def witness(path: Path, disk: FullDisk) -> Iterator[Witness]:
    made = Witness.open(path, settings=WriterSettings(clock=lambda: datetime.fromtimestamp(NOW, UTC), disk=disk))
    yield made
    made.close()


def test_specification_s_example_request_is_read_and_its_unknown_key_refused(witness: Witness) -> None:
    parsed = CosignRequest.parse(SPEC_REQUEST)
    assert (parsed.old, len(parsed.proof)) == (20852014, 4)
    answer = witness.add_checkpoint(SPEC_REQUEST)
    assert answer.status == HTTPStatus.FORBIDDEN, "the origin is known here, but under a key of ours"
    other = SPEC_REQUEST.replace(b"example.com/behind-the-sofa\n2", b"example.com/elsewhere\n2")
    assert witness.add_checkpoint(other).status == HTTPStatus.NOT_FOUND


def test_first_checkpoint_is_cosigned_and_remembered(witness: Witness) -> None:
    answer = witness.add_checkpoint(request(0, 5))
    assert answer.status == HTTPStatus.OK
    text = Checkpoint(ORIGIN, 5, tree_root(5)).to_text()
    assert witness.signer.key.check(text.encode(), parse_signature(answer.body.removesuffix("\n"))) == NOW
    shown = witness.checkpoint(hashlib.sha256(ORIGIN.encode()).hexdigest())
    note = open_note(shown.body.encode(), [LOG.key, witness.signer.key])
    assert (note.text, len(note.signed_by)) == (text, 2)


def test_answer_is_one_signature_line_as_in_the_specification(witness: Witness) -> None:
    body = witness.add_checkpoint(request(0, 5)).body
    assert body.startswith("— witness.example/w1 ")
    assert body.endswith("\n")
    assert body.count("\n") == 1


@pytest.mark.parametrize(
    ("make", "status", "body"),
    [
        (lambda: request(5, 9), 200, None),
        (lambda: request(5, 5), 200, None),
        (lambda: request(9, 5), 400, "old size must not be above the checkpoint's\n"),
        (lambda: request(0, 9), 409, "5\n"),
        (lambda: request(4, 9), 409, "5\n"),
        (lambda: request(6, 9), 409, "5\n"),
        (lambda: request(3, 4), 409, "5\n"),
        (lambda: request(5, 9, proof=[]), 422, None),
        (lambda: request(5, 9, proof=[b"x" * 32]), 422, None),
        (lambda: request(5, 9, top=b"x" * 32), 422, None),
        (lambda: request(5, 5, top=b"x" * 32), 422, None),
        (lambda: request(5, 5, proof=[b"x" * 32]), 422, None),
        (lambda: request(5, 9, signers=(FileSigner(ORIGIN, 1, b"x" * 32),)), 403, None),
        (lambda: request(5, 9) + SPOILED, 403, None),
        (lambda: request(5, 9, signers=()) + SPOILED, 403, None),
        (lambda: request(5, 9, origin="example.com/other"), 404, None),
        (lambda: request(5, 9)[:-1], 400, None),
        (lambda: b"old 05\n\n" + request(5, 9).split(b"\n\n", 1)[1], 400, None),
        (lambda: b"old -1\n\n" + request(5, 9).split(b"\n\n", 1)[1], 400, None),
        (lambda: request(5, 9, proof=[b"x" * 31]), 400, None),
        (lambda: request(5, 9, proof=[b"x" * 32] * 64), 400, None),
        (lambda: b"", 400, None),
        (lambda: b"\xff\n\n" + request(5, 9), 400, None),
    ],
)
def test_rule_of_the_specification(witness: Witness, make: Callable[[], bytes], status: int, body: str | None) -> None:
    assert witness.add_checkpoint(request(0, 5)).status == HTTPStatus.OK
    answer = witness.add_checkpoint(make())
    assert answer.status == status
    assert body is None or answer.body == body
    assert answer.content_type == (SIZE_TYPE if status == 409 else "text/plain; charset=utf-8")
    seen = 9 if status == 200 and b"\n9\n" in make() else 5
    assert witness.add_checkpoint(request(0, 9)).body == f"{seen}\n", "what was refused is not remembered"


def test_proof_from_size_zero_must_be_empty_and_the_empty_root_right(witness: Witness) -> None:
    assert witness.add_checkpoint(request(0, 5, proof=[b"x" * 32])).status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert witness.add_checkpoint(request(0, 0, top=b"x" * 32)).status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert witness.add_checkpoint(request(0, 0, top=EMPTY_ROOT)).status == HTTPStatus.OK
    assert witness.add_checkpoint(request(0, 5)).status == HTTPStatus.OK


def test_both_keys_of_a_log_count_while_it_changes_them(witness: Witness, path: Path) -> None:
    new = FileSigner(ORIGIN, 1, b"n" * 32)
    assert witness.add_checkpoint(request(0, 5, signers=(new,))).status == HTTPStatus.FORBIDDEN
    Witness.add_log(path, str(new.key))
    assert witness.add_checkpoint(request(0, 5, signers=(new,))).status == HTTPStatus.OK
    assert witness.add_checkpoint(request(5, 6, signers=(LOG, new))).status == HTTPStatus.OK


def test_witness_remembers_after_a_restart_and_runs_once(witness: Witness, path: Path) -> None:
    witness.add_checkpoint(request(0, 5))
    with pytest.raises(LockedError, match="another writer holds"):
        Witness.open(path)
    witness.close()
    again = Witness.open(path)
    assert again.add_checkpoint(request(0, 9)).body == "5\n"
    assert again.add_checkpoint(request(5, 9)).status == HTTPStatus.OK
    again.close()


def test_of_requests_at_once_one_wins_and_nothing_is_rolled_back(witness: Witness) -> None:
    """The race that the specification names: N and N+K at once must not end at N."""
    witness.add_checkpoint(request(0, 5))
    bodies = [request(5, size) for size in range(6, 26)]
    statuses: list[tuple[int, int]] = []

    def ask(size: int, body: bytes) -> None:
        statuses.append((witness.add_checkpoint(body).status, size))

    threads = [threading.Thread(target=ask, args=(size, body)) for size, body in enumerate(bodies, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (won,) = [size for status, size in statuses if status == HTTPStatus.OK]
    assert all(status == HTTPStatus.CONFLICT for status, size in statuses if size != won)
    assert witness.add_checkpoint(request(0, 30)).body == f"{won}\n"


def test_witness_that_cannot_remember_does_not_sign(witness: Witness, disk: FullDisk) -> None:
    disk.full = True
    with pytest.raises(StorageError, match="disk is full"):
        witness.add_checkpoint(request(0, 5))
    with client_of(witness) as client:
        answer = client.post("/add-checkpoint", content=request(0, 5))
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    disk.full = False
    assert witness.add_checkpoint(request(0, 5)).status == HTTPStatus.OK


def test_witness_over_http(witness: Witness) -> None:
    with client_of(witness) as client:
        assert VerifierKey.parse(client.get("/").text.strip()) == witness.signer.key
        origin_hash = hashlib.sha256(ORIGIN.encode()).hexdigest()
        assert client.get(f"/{origin_hash}/checkpoint").status_code == HTTPStatus.NOT_FOUND
        assert client.post("/add-checkpoint", content=request(0, 5)).status_code == HTTPStatus.OK
        refused = client.post("/add-checkpoint", content=request(0, 9))
        assert (refused.status_code, refused.text) == (HTTPStatus.CONFLICT, "5\n")
        assert refused.headers["content-type"].startswith("text/x.tlog.size")
        assert "\n5\n" in client.get(f"/{origin_hash}/checkpoint").text
        for wrong in (origin_hash.upper(), origin_hash[1:], "x" * 64):
            assert client.get(f"/{wrong}/checkpoint").status_code == HTTPStatus.NOT_FOUND
        assert client.get("/add-checkpoint").status_code == HTTPStatus.METHOD_NOT_ALLOWED
        assert client.post("/add-checkpoint", content=b"x" * 260_000).status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_witness_s_files_are_its_own(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must not exist yet"):
        Witness.create(path, "again.example")
    with pytest.raises(UsageError, match="holds no witness"):
        Witness.add_log(tmp_path, str(LOG.key))
    before = (path / "policy").read_bytes()
    Witness.add_log(path, str(LOG.key))
    assert (path / "policy").read_bytes() == before, "said again, it changes nothing"
    (tmp_path / "log").mkdir()
    FileSigner.fresh("example.com/log").save(tmp_path / "log" / "key")
    with pytest.raises(FormatError, match="type 0x04, got 0x01"):
        Witness.open(tmp_path / "log")


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[list[Witness], list[int], Policy]]:
    ports = [free_port(), free_port()]
    keys = [Witness.create(tmp_path / f"w{i}", f"w{i}.example") for i in range(2)]
    lines = "".join(f"witness w{i} {keys[i]} http://127.0.0.1:{ports[i]}/\n" for i in range(2))
    witnesses = [Witness.open(tmp_path / f"w{i}") for i in range(2)]
    yield witnesses, ports, Policy.parse(f"{lines}group both all w0 w1\nquorum both\n")
    for witness in witnesses:
        witness.close()


def failing(log: Log) -> list[str]:
    return [failure.split(":")[0] for failure in log.witness_failures]


def remark(text: str = "x") -> Remark:
    return Remark(at=datetime.now(UTC), text=text)


def test_log_gets_its_checkpoints_witnessed(two: tuple[list[Witness], list[int], Policy], tmp_path: Path) -> None:
    witnesses, ports, policy = two
    with Log.create(tmp_path / "log", origin=ORIGIN, signer=LOG, policy=policy) as log:
        for i in range(2):
            Witness.add_log(tmp_path / f"w{i}", str(LOG.key))
        entry = remark()
        with serving(witnesses[0], ports[0]):
            receipt = log.append(entry)
            with pytest.raises(VerificationError, match="quorum both is not met"):
                require(receipt.proof, entry, log.policy)
            with pytest.raises(VerificationError, match=r"quorum both did not sign size 2 within 1\.5 s"):
                log.append(remark(), witnessed=True, timeout_s=1.5)
            deadline = time.monotonic() + 30
            while failing(log) != ["w1"] and time.monotonic() < deadline:
                with suppress(VerificationError):
                    log.append(remark(), witnessed=True, timeout_s=0.5)
            assert failing(log) == ["w1"], "w0 answers since it was asked again, w1 does not run"
            unmet = verify(LogReader.open(tmp_path / "log"))
            assert [problem.kind for problem in unmet.problems] == ["quorum"]
            assert not unmet.witnessed
            with serving(witnesses[1], ports[1]):
                receipt = log.append(entry, witnessed=True)
                proven = require(receipt.proof, entry, log.policy)
                assert proven.witnesses == ("w0", "w1")
                assert proven.time_s is not None
                assert abs(proven.time_s - time.time()) < 60
                report = verify(LogReader.open(tmp_path / "log"))
                assert (report.problems, report.witnessed, report.witnesses) == ((), True, ("w0", "w1"))


def test_log_put_back_to_an_older_state_is_stopped_by_its_witnesses(
    two: tuple[list[Witness], list[int], Policy], tmp_path: Path
) -> None:
    witnesses, ports, policy = two
    for i in range(2):
        Witness.add_log(tmp_path / f"w{i}", str(LOG.key))
    with serving(witnesses[0], ports[0]), serving(witnesses[1], ports[1]):
        with Log.create(tmp_path / "log", origin=ORIGIN, signer=LOG, policy=policy) as log:
            log.append_many([remark(str(i)) for i in range(3)], witnessed=True)
        with Log.create(tmp_path / "older", origin=ORIGIN, signer=LOG, policy=policy) as log:
            with pytest.raises(VerificationError, match="has seen size 3 of this log, which holds"):
                log.append(remark("another"), witnessed=True)
            with pytest.raises(VerificationError, match="has seen size 3"):
                log.append(remark("more"))
        with Log.create(tmp_path / "fork", origin=ORIGIN, signer=LOG) as log:
            log.append_many([remark("another")] * 4)
        (tmp_path / "fork" / "public" / "policy").write_text(Policy(
            (LOG.key,), policy.witnesses, policy.groups, policy.quorum
        ).to_text())  # fmt: skip
        with Log.open(tmp_path / "fork", signer=LOG) as log, pytest.raises(VerificationError, match="another history"):
            log.append(remark(), witnessed=True)


def test_one_witness_s_word_alone_does_not_stop_a_log() -> None:
    """A contradiction counts when the log's own key signed it; a checkpoint by anyone else is the witness's own affair."""
    policy = Policy.parse(f"witness w0 {FileSigner('w0.example', 4, b'w' * 32).key} http://w0.example\nquorum w0\n")
    ours, theirs = (Checkpoint(ORIGIN, size, tree_root(size)) for size in (5, 9))
    for signer, stops in ((FileSigner(ORIGIN, 1, b"x" * 32), False), (LOG, True)):
        shown = sign_note(theirs.to_text(), [signer])

        def answer(asked: httpx.Request, shown: bytes = shown) -> httpx.Response:
            return (
                httpx.Response(409, stream=httpx.ByteStream(b"9\n"))
                if asked.method == "POST"
                else httpx.Response(200, stream=httpx.ByteStream(shown))
            )

        client = WitnessClient(policy.witnesses[0], Exchanges(transport=httpx.MockTransport(answer)), [LOG.key])
        signed = SignedCheckpoint(ours, sign_note(ours.to_text(), [LOG]))
        if stops:
            with pytest.raises(VerificationError, match="has seen size 9 of this log, which holds 5"):
                client.ask(signed, lambda old, new: prove_consistency(old, new, node))
        else:
            assert client.ask(signed, lambda old, new: prove_consistency(old, new, node)) is None


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, "", "signature line"),
        (200, "— other.example AAAAAAAA\n", "must sign as w0.example"),
        (200, "\xff", "signature line"),
        (409, "x", "size in a witness's answer"),
        (409, "99\n", "has seen size 99, and shows nothing for it"),
        (422, "", "has seen another history, and shows nothing for it"),
        (500, "", "must answer 200, got 500"),
        (200, "x" * 200_001, "at most 200000 bytes"),
    ],
)
def test_witness_that_answers_rubbish_is_named_and_waited_for(status: int, body: str, words: str) -> None:
    key = FileSigner("w0.example", 4, b"w" * 32).key
    policy = Policy.parse(f"witness w0 {key} http://w0.example\nquorum w0\n")
    transport = httpx.MockTransport(lambda _: httpx.Response(status, stream=httpx.ByteStream((body).encode())))
    client = WitnessClient(policy.witnesses[0], Exchanges(transport=transport), [LOG.key])
    checkpoint = Checkpoint(ORIGIN, 5, tree_root(5))
    signed = SignedCheckpoint(checkpoint, sign_note(checkpoint.to_text(), [LOG]))
    prove = lambda old, new: prove_consistency(old, new, node)  # noqa: E731
    assert client.ask(signed, prove) is None
    assert client.failure is not None
    assert words in client.failure
    assert client.ask(signed, prove) is None, "it is not asked again at once"


def test_witness_that_dawdles_holds_up_one_round_and_no_more() -> None:
    """A byte now and then keeps a connection's own timeout from ever ending it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def drip() -> None:
            taken, _ = listener.accept()
            with taken, suppress(OSError):
                taken.sendall(b"HTTP/1.1 200 OK\r\nx-slow: ")
                while not done.wait(0.05):
                    taken.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        keys = [FileSigner(f"w{i}.example", 4, bytes([i + 1]) * 32) for i in range(2)]
        urls = [f"http://127.0.0.1:{listener.getsockname()[1]}", "http://127.0.0.1:1"]
        lines = [f"witness w{i} {keys[i].key} {urls[i]}" for i in range(2)]
        cosigners = Cosigners(Policy.parse("\n".join([*lines, "quorum w0", ""])), timeout_s=10, round_s=1.5)
        checkpoint = Checkpoint(ORIGIN, 5, tree_root(5))
        signed = SignedCheckpoint(checkpoint, sign_note(checkpoint.to_text(), [LOG]))
        took_s = []
        for _ in range(2):
            begun = time.monotonic()
            assert cosigners.cosign(signed, lambda old, new: prove_consistency(old, new, node)) == (signed, [])
            took_s.append(time.monotonic() - begun)
            assert "w0: must answer within 1.5 s" in cosigners.failures
        assert 1.4 < took_s[0] < 9
        assert took_s[1] < 1.2
        done.set()
        thread.join()
        cosigners.close()
