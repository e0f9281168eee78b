# shellcheck shell=bash
# ./dev bench, sim: what measures and what searches, each the only thing that should run meanwhile. Sourced by dev.

verb_bench() {
    build_release
    local quick=()
    [[ ${1:-} == --quick ]] && quick=(--quick) && shift
    if ((${#quick[@]})); then
        step "bench, a quick look: two minutes, one run of each"
    else
        step "bench: half an hour for everything; only a quiet machine gives figures to compare"
    fi
    if (($# == 0)) || [[ " $* " == *" bitcoin_node "* ]]; then need_bitcoin_node; fi
    end_all_on_exit
    # On a disk, whatever /tmp is; short, for Unix sockets lie under it; PostgreSQL's user must pass.
    TMPDIR=$(mktemp -d /var/tmp/giro-bench.XXXXXX)
    chmod 711 "$TMPDIR"
    export TMPDIR
    "$bin/giro-bench" "${quick[@]}" build "$@" &
    started+=($!)
    wait "${started[-1]}"
    started=()
    note "the same in build/bench.md, as JSON in build/bench.json, as a picture in build/bench.svg"
}

verb_sim() {
    need "${packages_build[@]}"
    configure_and_build release giro-sim
    step "simulate; Ctrl-C ends"
    exec "$bin/giro-sim" --for-ever --jobs "$(nproc)" "$@"
}
