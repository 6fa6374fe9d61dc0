"""cmake and nasm, which build libjpeg-turbo with its vector code: found on the machine, or fetched into the user's cache."""

import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile

import wheels

CMAKE_VERSION = "4.4.4"
# Per machine: platform tag, sha256 of the wheel.
CMAKE_WHEELS = {
    ("Linux", "x86_64"): ("manylinux_2_17_x86_64", "f773a0544c66370408f451acd487c2c643b0dfebb48c5d64f3638bc1bb820238"),
    ("Linux", "aarch64"): ("manylinux_2_17_aarch64", "b3029f586853e01ddf2824c1ff124a1c5284f8ae897994758e9c4eeb45903b58"),
    ("Darwin", "arm64"): ("macosx_11_0_arm64", "883962a72b1b3a16ff445427f24c8caca9797dd9e563bbe208cbcd89e877f9d3"),
}


def given(variable, program):
    """Whether the machine has the program already, by variable or on the PATH."""
    return bool(os.environ.get(variable) or shutil.which(program))


def cmake():
    """Path of a fetched cmake; None where the machine has one."""
    if given("CMAKE", "cmake"):
        return None
    target = wheels.cache_dir() / f"cmake-{CMAKE_VERSION}"
    program = target / "bin" / "cmake"
    if not program.exists():
        machine = (platform.system(), platform.machine())
        if machine not in CMAKE_WHEELS:
            sys.exit(f"error: no cmake wheel is known for {' '.join(machine)}; install cmake 3.10 or later")
        tag, checksum = CMAKE_WHEELS[machine]
        print(f"setup: fetching cmake {CMAKE_VERSION}", file=sys.stderr)
        with staging_beside(target) as staging:
            wheel = wheels.download(f"cmake=={CMAKE_VERSION}", checksum, staging, platform=tag)
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(staging / "wheel")
            data = staging / "wheel" / "cmake" / "data"
            for file in (data / "bin").iterdir():
                file.chmod(0o755)
            move(data, target)
    print(f"setup: cmake {CMAKE_VERSION} in {target}", file=sys.stderr)
    return program


def nasm():
    """Path of a fetched nasm; None where the machine has one or needs none."""
    if platform.machine() not in ("x86_64", "AMD64") or given("ASM_NASM", "nasm"):
        return None
    target = wheels.cache_dir() / "nasm"
    program = target / "bin" / "nasm"
    if not program.exists():
        # No Python wheel holds nasm. Debian and its kin do, and their client checks what it fetches by signature.
        if not all(shutil.which(tool) for tool in ("apt-get", "dpkg-deb")):
            sys.exit(
                "error: nasm 2.13 or later is needed to build libjpeg-turbo's vector code; install it with this "
                "system's package manager, or set ASM_NASM to it, and run again"
            )
        print("setup: fetching nasm", file=sys.stderr)
        with staging_beside(target) as staging:
            (package,) = debian_package("nasm", staging)
            subprocess.run(["dpkg-deb", "-x", package, staging / "package"], check=True)
            move(staging / "package" / "usr", target)
    print(f"setup: nasm in {target}", file=sys.stderr)
    return program


def debian_package(name, staging):
    """Download a package without root: by the system's lists, or, where those are empty, by lists of our own."""
    lists, cache, packages = staging / "lists", staging / "cache", staging / "packages"
    for folder in (lists / "partial", cache / "archives" / "partial", packages):
        folder.mkdir(parents=True)
    own = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]
    for options, update in (([], False), (own, True)):
        apt = ["apt-get", "-qq", *options]
        # Root's apt would fetch as another user, who may not write here.
        apt += ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
        if update and subprocess.run([*apt, "update"], stdout=sys.stderr).returncode:
            break
        quiet = None if update else subprocess.DEVNULL
        subprocess.run([*apt, "download", name], cwd=packages, stdout=sys.stderr, stderr=quiet)
        if found := list(packages.glob("*.deb")):
            return found
    sys.exit(f"error: apt-get could not download {name}; install it, or run this step where there is a network")


def staging_beside(target):
    target.parent.mkdir(parents=True, exist_ok=True)
    return Staging(prefix="setup-", dir=target.parent)


class Staging(tempfile.TemporaryDirectory):
    def __enter__(self):
        return pathlib.Path(super().__enter__())


def move(folder, target):
    try:
        folder.rename(target)
    except OSError:
        # Another setup was faster; its result is as good.
        if not target.exists():
            raise
