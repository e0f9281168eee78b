# shellcheck shell=bash
# The Bitcoin node that ./dev test and bench hold giro-chain against: Debian's bitcoin-knots of suite sid, unpacked into
# build/bitcoin-node with the libraries it wants and run through its own loader; nothing of it is installed. apt checks the
# archive's signatures. Where it cannot be had, the tests of it say that they are skipped. Sourced by dev.

readonly node_folder=build/bitcoin-node

# The mirror that this machine's apt takes Debian from.
debian_mirror() {
    apt-get indextargets --format "\$(REPO_URI)" 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -1
}

node_runs() {
    [[ -x $1/usr/bin/bitcoind ]] &&
        "$1/usr/lib64/ld-linux-x86-64.so.2" --library-path "$1/usr/lib/x86_64-linux-gnu" "$1/usr/bin/bitcoind" -version &>/dev/null
}

# Once; a folder that is there and runs stays.
need_bitcoin_node() {
    node_runs $node_folder && return
    local mirror new=$node_folder.new as_root=()
    ((EUID == 0)) || as_root=(sudo)
    if [[ $(uname -m) != x86_64 ]] || ! (need mmdebstrap); then
        note "no mmdebstrap, or another machine than amd64: the tests with a real Bitcoin node are skipped"
        return 0
    fi
    step "fetch a Bitcoin node from Debian (bitcoin-knots of sid, 86 MB in $node_folder)"
    mirror=$(debian_mirror)
    rm -rf "$new" "$node_folder"
    mkdir -p build
    # As a stream, so that whoever runs this owns what is unpacked. sid's Release is dated: a mirror of an older day will do.
    if [[ -z $mirror ]]; then
        note "apt's configuration names no Debian mirror: the tests with a real node are skipped"
    elif ! { mkdir "$new" && "${as_root[@]}" mmdebstrap --quiet --variant=extract --include=bitcoin-knots --architectures=amd64 \
        --aptopt='Acquire::Check-Valid-Until "false"' --format=tar sid - "$mirror" 2>build/bitcoin-node.log |
        tar -x --no-same-owner --no-same-permissions --exclude='./dev/*' -C "$new" 2>>build/bitcoin-node.log; }; then
        note "$mirror does not give it (build/bitcoin-node.log): the tests with a real node are skipped"
        tail -3 build/bitcoin-node.log
    elif ! node_runs "$new"; then
        note "it does not run on this machine: the tests with a real node are skipped"
    else
        mv "$new" "$node_folder"
        return
    fi
    rm -rf "$new"
}
