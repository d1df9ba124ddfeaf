"""The history of a run, and its parameters, for TensorBoard."""

import os
import secrets
import socket
import struct
import time
from os import PathLike
from typing import Any

from chainrule.errors import DataError, OptionError
from chainrule.train.state import Epoch, TrainState

__all__ = ["TensorBoard"]

_SCALARS = ("objective", "validation", "rate")


class TensorBoard:
    """Write objective, held-out cost and rate of every epoch for TensorBoard, by ``tensorboardX``.

    The step that TensorBoard shows is the number of the epoch. Every epoch is in the file as soon as it is over. A run
    that goes on writes another file into the folder, which takes the place of what an earlier one had from its last
    epoch on; so a folder belongs to one run.

    Parameters
    ----------
    folder : path-like
        Where the files go; it is made where there is none.
    histograms : bool
        Whether the values of every parameter are written as well, as ``layer_1/weights`` and so on.

    Raises
    ------
    OptionError
        Where ``tensorboardX`` is not installed, or the folder cannot be made.
    DataError
        Where a file cannot be written, after an epoch.
    """

    def __init__(self, folder: str | PathLike[str], histograms: bool = False) -> None:
        self._folder = os.path.abspath(folder)
        self._histograms = histograms
        self._file: str | None = None
        self._last: Epoch | None = None
        _tensorboardx()
        try:
            os.makedirs(self._folder, exist_ok=True)
        except OSError as error:
            raise OptionError(f"folder: {self._folder} cannot be made ({error.strerror})") from error

    def __call__(self, state: TrainState) -> None:
        """Write what the epoch that has just ended has brought."""
        summary, event = _tensorboardx()
        rows = state.history.rows
        events, new = [], rows[-1:]
        if self._file is None or len(rows) < 2 or rows[-2] != self._last:
            self._file = os.path.join(self._folder, _new_name())
            # The epoch before may be in the checkpoint that the run goes on from, and not in a file.
            new = rows[-2:]
            # What starts a file, and tells TensorBoard to forget what others have from this epoch on.
            events.append(event.Event(file_version="brain.Event:2"))
            begins = event.SessionLog(status=event.SessionLog.START)
            events.append(event.Event(step=new[0].epoch, session_log=begins))
        found = [
            (row.epoch, summary.scalar(name, value))
            for row in new
            for name in _SCALARS
            if (value := getattr(row, name)) is not None
        ]
        if self._histograms:
            found += [
                (rows[-1].epoch, summary.histogram(f"layer_{number}/{name}", array, bins=64))
                for number, layer in enumerate(state.parameters, 1)
                for name, array in layer.items()
                if array.size
            ]
        events += [event.Event(step=epoch, summary=one) for epoch, one in found]
        for one in events:
            one.wall_time = time.time()
        try:
            # In one go, so that a process that is killed leaves whole epochs; and no file stays open.
            with open(self._file, "ab", buffering=0) as file:
                file.write(b"".join(_record(one.SerializeToString()) for one in events))
        except OSError as error:
            raise DataError(f"{self._file}: what TensorBoard shows cannot be written ({error.strerror})") from error
        self._last = rows[-1]

    def __getstate__(self) -> dict[str, Any]:
        # A copy, such as in another process, has a file of its own.
        return {**self.__dict__, "_file": None, "_last": None}


def _new_name() -> str:
    # TensorBoard reads the files of a folder in the order of their names.
    return f"events.out.tfevents.{time.time():017.6f}.{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(4)}"


def _record(raw: bytes) -> bytes:
    """Frame an event: its length and itself, each with a sum that guards it."""
    from tensorboardX.record_writer import masked_crc32c

    length = struct.pack("<Q", len(raw))
    return b"".join([length, struct.pack("<I", masked_crc32c(length)), raw, struct.pack("<I", masked_crc32c(raw))])


def _tensorboardx() -> tuple[Any, Any]:
    """The modules that make summaries and events."""
    try:
        from tensorboardX import summary
        from tensorboardX.proto import event_pb2
    except ImportError as error:
        raise OptionError('TensorBoard needs the package tensorboardX: pip install "chainrule[tensorboard]"') from error
    return summary, event_pb2
