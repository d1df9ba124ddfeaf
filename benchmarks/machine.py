"""What every benchmark prints first: the machine and the versions."""

import importlib.metadata
import os
import platform

__all__ = ["print_machine"]


def processor() -> str:
    """Name of the processor, as far as the system tells."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def print_machine(*packages: str) -> None:
    """Print processor, cores, system and versions on three lines."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("chainrule", *packages))
    print(f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}")
    print(f"Python {platform.python_version()}, {versions}\n")
