# shellcheck shell=bash
# The Debian packages, and how they come onto the machine. Sourced by dev; the README says what each is for.

readonly packages_build=(g++ cmake ninja-build pkg-config libp11-kit-dev libbotan-2-dev libsqlite3-dev libevent-dev
    libssl-dev libsecp256k1-dev libexpected-dev libfmt-dev libtomlplusplus-dev libcli11-dev
    nlohmann-json3-dev doctest-dev zlib1g-dev)
readonly packages_run=(softhsm2 libsofthsm2)

# need PACKAGE...: those that are missing are installed, and named. Exit 75 where they can't be.
need() {
    local missing=() package
    for package in "$@"; do
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    step "install from Debian: ${missing[*]}"
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || die "not root and no sudo; as root: apt-get install ${missing[*]}" 75
        as_root=(sudo)
    fi
    mkdir -p build
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install)
    # A list of packages that is too old names files that are gone: fetch it only then.
    "${as_root[@]}" "${install[@]}" "${missing[@]}" &>build/apt.log && return
    note "refreshing the list of packages"
    { "${as_root[@]}" apt-get -qq update && "${as_root[@]}" "${install[@]}" "${missing[@]}"; } &>build/apt.log ||
        { tail -5 build/apt.log >&2; die "apt-get could not install these; see build/apt.log" 75; }
}
