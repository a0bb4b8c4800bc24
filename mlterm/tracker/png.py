"""Anything that shows something → the bytes of a PNG.

What an image is, its type tells; nothing is imported to find out.
"""

import struct
import sys
import zlib
from io import BytesIO
from typing import Any

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
"""PNG's number for grey, RGB and RGBA, by their channels."""
_MODES = frozenset({"1", "L", "LA", "I;16", "P", "RGB", "RGBA"})
_NEAREST_MODES = {"F": "L", "I": "I;16", "La": "LA", "RGBa": "RGBA", "PA": "RGBA"}
"""For modes of PIL that PNG has not; RGB for the others."""
_TOPS = {"b": 1, "u": 255, "i": 255}
"""What is white, by the kind of an array's dtype; of floats, 1."""
_OVERSHOOT = 0.01
"""So far may floats lie outside, as resizing leaves them; they are clipped."""


def png_of(image: Any) -> bytes:
    """An image as PNG.

    It may be a PNG's bytes, an image of PIL, a figure or axes of matplotlib, or an array or
    tensor of H×W, H×W×1, H×W×3 or H×W×4 (or channels first: C×H×W) with integers in 0..255,
    floats in 0..1 or booleans. Raises TypeError, with the reason, for anything else.
    """
    kind = type(image)
    if issubclass(kind, bytes | bytearray | memoryview):
        data = bytes(image)
        if not data.startswith(_SIGNATURE):
            raise TypeError("these bytes are no PNG")
        return data
    buffer = BytesIO()
    if hasattr(kind, "savefig") or hasattr(kind, "get_figure"):
        while not hasattr(type(image), "savefig"):  # axes, and figures within figures
            image = getattr(image, "figure", None)
            if image is None:
                raise TypeError(f"this {kind.__qualname__} belongs to no figure")
        image.savefig(buffer, format="png")
    elif hasattr(kind, "getbands") and hasattr(kind, "save"):
        if image.mode not in _MODES:
            try:
                image = image.convert(_NEAREST_MODES.get(image.mode, "RGB"))
            except ValueError as error:
                raise TypeError(f"an image of mode {image.mode} has no form in PNG") from error
        image.save(buffer, "PNG")
    elif hasattr(kind, "__array__"):
        return _png_of_array(*_as_array(image))
    else:
        raise TypeError(
            f"{kind.__module__}.{kind.__qualname__} is no image: PNG bytes, an image of PIL, a "
            "figure of matplotlib, or an array of H×W, H×W×3 or H×W×4 is one"
        )
    return buffer.getvalue()


def _as_array(image: Any) -> tuple[Any, bool]:
    """A NumPy array of it, and whether it is a tensor, whose channels may come first."""
    kind = type(image)
    numpy = sys.modules.get("numpy")
    try:
        if hasattr(kind, "detach"):
            image = image.detach().cpu()
            image = image.float() if image.is_floating_point() else image  # bfloat16
            return image.numpy(), True
        if numpy is not None:
            return numpy.asarray(image), False
    except (RuntimeError, ValueError) as error:
        raise TypeError(f"this {kind.__qualname__} cannot be read: {error}") from error
    raise TypeError("arrays are read with NumPy, which is not there")


def _png_of_array(array: Any, is_tensor: bool) -> bytes:
    shape = tuple(array.shape)
    if len(shape) == 3:
        channels_first = shape[0] in _COLOUR_TYPES and min(shape[1:]) > shape[0]
        if channels_first and (is_tensor or shape[2] not in _COLOUR_TYPES):
            array = array.transpose(1, 2, 0)
    elif len(shape) == 2:
        array = array.reshape(*shape, 1)
    if array.ndim != 3 or array.shape[2] not in _COLOUR_TYPES or not array.size:
        raise TypeError(f"an array of shape {shape} is no image: H×W, H×W×3 or H×W×4 is one")
    height, width, channels = array.shape
    if str(array.dtype) != "uint8":
        array = _as_bytes(array)
    rows = b"".join(b"\0" + row.tobytes() for row in array)  # each begins with its filter: none
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _as_bytes(array: Any) -> Any:
    # The bfloat16 of other packages is no float to NumPy.
    is_float = "float" in str(array.dtype)
    top = 1 if is_float else _TOPS.get(array.dtype.kind)
    if top is None:
        raise TypeError(f"an array of {array.dtype} is no image: integers or floats are")
    array = array.astype("float32")
    low, high = float(array.min()), float(array.max())
    spare = _OVERSHOOT if is_float else 0
    if not (low >= -spare and high <= top + spare):  # NaN is in no range
        raise TypeError(f"the values of an image lie in 0..{top}; these reach from {low} to {high}")
    return (array.clip(0, top) * (255 / top)).round().astype("uint8")
