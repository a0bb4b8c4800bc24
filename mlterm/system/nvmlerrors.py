"""What NVML's errors (nvmlReturn_t of its API Reference) mean for who reads figures."""

NOT_SUPPORTED = "not supported"
NOT_OFFERED = "not offered by this driver"

UNINITIALIZED, NO_SUPPORT, NO_PERMISSION, NOT_FOUND, NOT_LOADED = 1, 3, 4, 6, 9
NO_LIBRARY, NO_FUNCTION, LOST, NEEDS_RESET, MISMATCH = 12, 13, 15, 16, 18
NO_DEVICE, UNKNOWN = 28, 999
_OTHER_VERSION, _DEPRECATED = 25, 26
_REASONS = {
    UNINITIALIZED: "the driver has gone",
    NO_SUPPORT: NOT_SUPPORTED,
    NO_PERMISSION: "not permitted",
    NOT_LOADED: "the driver is not loaded",
    10: "the driver did not answer in time",
    NO_FUNCTION: NOT_OFFERED,
    LOST: "the device has fallen off the bus",
    NEEDS_RESET: "the device needs a reset",
    17: "the operating system forbids it",
    MISMATCH: "the driver and its library are of different versions",
    21: "no data yet",
    _OTHER_VERSION: NOT_OFFERED,
    _DEPRECATED: NOT_OFFERED,
    27: "the device is not ready",
    NO_DEVICE: "the device is gone",
    UNKNOWN: "unknown error of the driver",
}
DRIVER_IS_GONE = {UNINITIALIZED, NOT_LOADED, MISMATCH}
DEVICE_IS_GONE = {LOST, NEEDS_RESET, NO_DEVICE}
DOES_WITHOUT = (NOT_SUPPORTED, NOT_OFFERED)
IS_MISSING = {NO_SUPPORT, NO_FUNCTION, _OTHER_VERSION, _DEPRECATED}


def reason_of(error: Exception) -> str:
    """What an NVMLError means, in plain words."""
    code = code_of(error)
    return _REASONS.get(code, f"error {code} of the driver")


def code_of(error: Exception) -> int:
    """The nvmlReturn_t of an NVMLError."""
    return int(getattr(error, "value", UNKNOWN))


class Unreadable(Exception):
    """Something that NVML does not tell, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
