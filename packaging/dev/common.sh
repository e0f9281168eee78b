# shellcheck shell=bash
# What every verb of ./dev needs: how it speaks, and that what it starts ends with it. Sourced by dev.

step() { printf '== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }
die() {
    printf 'dev: %s\n' "$1" >&2
    exit "${2:-1}"
}

started=() # pids of what runs in the background, in order

stop_started() {
    local i
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do
        kill -TERM "${started[i]}" 2>/dev/null || continue
        wait "${started[i]}" 2>/dev/null || true
    done
    started=()
}

# Whatever way this script ends: what it started has ended, and its temporary folder is gone.
end_all_on_exit() {
    trap 'stop_started; [[ ${TMPDIR:-} != */tmp/giro-@(test|bench).* ]] || rm -rf "$TMPDIR"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}
