"""Writing safetensors files with numpy: an 8-byte header length, a JSON header, raw data."""

import json
import os
import struct

import numpy as np

_DTYPES = {np.dtype("<f2"): "F16", np.dtype("<f4"): "F32"}


def write(path, tensors, metadata):
    """Write `tensors` (name → f16 or f32 array) whole or not at all, in the dict's order."""
    header = {"__metadata__": metadata}
    offset = 0
    for name, array in tensors.items():
        end = offset + array.nbytes
        header[name] = {
            "dtype": _DTYPES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    partial = f"{path}.tmp"
    with open(partial, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
