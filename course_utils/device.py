"""Choose the device to compute on, and explain the choice in one line."""

import os

import torch


class DeviceError(RuntimeError):
    """The device asked for does not exist on this machine."""


def pick_device(prefer: str | torch.device | None = None) -> torch.device:
    """Choose the device to compute on, and print in one line what was chosen and why. Notebook 00.

    The order is: the argument, the environment variable ``COURSE_DEVICE``, the CUDA GPU with the most
    free memory, Apple's MPS, the CPU.

    Args:
        prefer: a device such as ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"`` that overrides the choice.

    Returns:
        The device, ready for ``model.to(device)``.

    Raises:
        DeviceError: If the device asked for does not exist on this machine.
    """
    wanted = prefer or os.environ.get("COURSE_DEVICE")
    if wanted:
        device, why = _existing(wanted), "asked for" if prefer else "COURSE_DEVICE asks for it"
    elif torch.cuda.is_available():
        free = [_free_bytes(index) for index in range(torch.cuda.device_count())]
        best = max(range(len(free)), key=free.__getitem__)
        device, why = (
            torch.device("cuda", best),
            f"the GPU with the most free memory, {free[best] / 2**30:.1f} GiB",
        )
    elif torch.backends.mps.is_available():
        device, why = torch.device("mps"), "Apple's GPU"
    else:
        device, why = torch.device("cpu"), "no GPU was found; this course is made to fit"
    print(f"Computing on {device} ({why}).")
    return device


def _free_bytes(index: int) -> int:
    """Free memory of CUDA GPU ``index`` in bytes; 0 if the GPU does not respond."""
    try:
        return torch.cuda.mem_get_info(index)[0]
    except RuntimeError:
        return 0


def _existing(wanted: str | torch.device) -> torch.device:
    """The device called ``wanted``; if it does not exist, the error lists those that do."""
    here = ["cpu"] + [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    here += ["mps"] if torch.backends.mps.is_available() else []
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise DeviceError(
            f"{wanted!r} is not the name of a device. This machine has: {', '.join(here)}."
        ) from None
    exists = device.type in here if device.index is None else str(device) in here
    if device.type == "cuda" and device.index is None:
        exists = torch.cuda.is_available()
    if not exists and str(device) != "cpu:0":
        raise DeviceError(
            f"You asked for {wanted}, but this machine has: {', '.join(here)}. "
            "Leave the choice to pick_device(), or name one of these."
        )
    return device
