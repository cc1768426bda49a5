"""Worker of ``scan_models.py`` inside the throw-away environment: writes a network in each format, on request.

Reads lines ``index`` on standard input and answers each with one line of JSON: the files that were written, or why not.
"""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scan_networks import Case, Kit, embedders
from scan_others import others

_EMBEDDER_SHARES = {"ONNX": 1, "PyTorch": 1, "safetensors": 1}
_OTHER_SHARES = {"ONNX": 1, "PyTorch": 5}
_REST = {True: 5, False: 25}
"""Every which network is written in a format, and in those that are not named: writing takes far longer than reading. All are
odd, so that both sets, each of every second network, have all formats."""


def _is_due(case: Case, name: str, number: int) -> bool:
    shares = _EMBEDDER_SHARES if case.embedder else _OTHER_SHARES
    return number % shares.get(name, _REST[case.embedder]) == 0


class Exports:
    """Writes one network after another into a folder."""

    def __init__(self, kit: Kit, folder: Path) -> None:
        self._kit = kit
        self._folder = folder
        self._torch = kit.torch

    def write(self, case: Case, number: int) -> dict[str, str]:
        """Write a network in every format; return paths by format, or why one failed."""
        self._torch.manual_seed(number)
        network = case.make().eval()
        taken = self._torch.zeros(case.shape)
        if "words" in case.name and len(case.shape) == 2:
            taken = taken.long()
        formats: dict[str, Callable[[Any, Any, Case, Path], None]] = {
            "ONNX": self._onnx,
            "PyTorch": lambda one, _, __, path: self._torch.save(one.state_dict(), path),
            "PyTorch (legacy)": self._legacy,
            "TorchScript": self._script,
            "safetensors": self._safetensors,
            "OpenVINO": self._openvino,
        }
        suffixes = {
            "ONNX": "onnx",
            "PyTorch": "pt",
            "PyTorch (legacy)": "pth",
            "TorchScript": "ptl",
            "safetensors": "safetensors",
        }
        written: dict[str, str] = {}
        for name, write in formats.items():
            if not _is_due(case, name, number):
                continue
            path = self._folder / f"n{number}.{suffixes.get(name, 'xml')}"
            try:
                with self._torch.no_grad(), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    write(network, taken, case, path)
                written[name] = str(path)
            except Exception as exc:  # noqa: BLE001 - an exporter may raise anything; the row says so
                written[f"{name} failed"] = f"{type(exc).__name__}: {str(exc)[:80]}"
        return written

    def _onnx(self, network: Any, taken: Any, case: Case, path: Path) -> None:  # noqa: ANN401
        names = {"input_names": ["input"]} | ({"output_names": list(case.outputs)} if case.outputs else {})
        open_sides = (
            {"dynamic_axes": {"input": {side: f"side{side}" for side in case.open_sides}}} if case.open_sides else {}
        )
        self._torch.onnx.export(network, taken, path, dynamo=False, opset_version=17, **names, **open_sides)

    def _legacy(self, network: Any, _: Any, __: Case, path: Path) -> None:  # noqa: ANN401
        self._torch.save(network.state_dict(), path, _use_new_zipfile_serialization=False)

    def _script(self, network: Any, taken: Any, _: Case, path: Path) -> None:  # noqa: ANN401
        self._torch.jit.save(self._torch.jit.trace(network, taken, check_trace=False), path)

    def _safetensors(self, network: Any, _: Any, __: Case, path: Path) -> None:  # noqa: ANN401
        tensors = {name: one.contiguous().clone() for name, one in network.state_dict().items()}
        importlib.import_module("safetensors.torch").save_file(tensors, path)

    def _openvino(self, _: Any, __: Any, ___: Case, path: Path) -> None:  # noqa: ANN401
        openvino = importlib.import_module("openvino")
        openvino.save_model(openvino.convert_model(path.with_suffix(".onnx")), path)


def main() -> None:
    kit = Kit()
    exports = Exports(kit, Path(sys.argv[1]))
    cases = [*embedders(kit), *others(kit)]
    print(json.dumps([[case.name, case.embedder] for case in cases]), flush=True)
    for line in sys.stdin:
        number = int(line)
        try:
            answer = exports.write(cases[number], number)
        except Exception as exc:  # noqa: BLE001 - building may raise anything; the row says so
            answer = {"built failed": f"{type(exc).__name__}: {str(exc)[:120]}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
