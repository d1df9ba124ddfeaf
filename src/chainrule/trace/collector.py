"""Python's collector of reference cycles, held off while a long computation is recorded.

A tape grows by several objects with every operation, and all of them stay alive. The collector looks through them again
and again, the longer the more there are, and finds nothing: of the time of 10,000 operations a third goes there. So
once it looks at more than the youngest objects, it is switched off until the outermost recording of that thread closes.
What reference counting frees is freed as ever.
"""

import gc
from typing import Any

from chainrule.trace.creation import recording_here

__all__ = ["pause", "resume"]


def pause(phase: str, info: dict[str, Any]) -> None:
    """Switch the collector off, once it has got to its second generation; it calls this at the start of a collection.

    Parameters
    ----------
    phase, info
        As `gc.callbacks` hand them over.
    """
    # Where somebody else has switched it off, only a gc.collect() of theirs comes here.
    if recording_here.depth and phase == "start" and info["generation"] > 0 and gc.isenabled():
        recording_here.has_paused_collector = True
        gc.disable()


def resume() -> None:
    """Switch the collector on again, when the recording ends."""
    recording_here.has_paused_collector = False
    gc.enable()
