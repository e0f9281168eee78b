# shellcheck shell=bash
# ./dev build, fmt, clean: the tree and its build folders. Sourced by dev.

bin=build/release/bin # of the preset at hand

# ninja's lines in; one progress line out, and whatever else a compiler says.
show_progress() {
    local line percent last=-10 wide=0
    while IFS= read -r line; do
        if [[ $line =~ ^\[([0-9]+)/([0-9]+)\]\ Re- || $line == '-- '* ]]; then
            continue # cmake looks whether its own files changed
        elif [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]]; then
            percent=$((100 * BASH_REMATCH[1] / BASH_REMATCH[2]))
            if [[ -t 1 ]]; then
                printf '\r   %3d%%  step %d of %d ' "$percent" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
                wide=1
            elif ((percent >= last + 10)); then
                note "$percent%  step ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]}"
                last=$percent
            fi
        else
            ((wide)) && printf '\n'
            wide=0
            note "${line/ninja: no work to do./up to date}"
        fi
    done
    ((wide)) && printf '\n'
    return 0
}

# configure_and_build PRESET [TARGET...]
configure_and_build() {
    local preset=$1 options=()
    shift
    command -v ccache >/dev/null && options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
    command -v mold >/dev/null && options+=(-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold)
    mkdir -p build
    if [[ ! -f build/$preset/build.ninja ]]; then
        step "configure (preset $preset)"
        cmake --preset "$preset" "${options[@]}" >build/cmake.log 2>&1 ||
            { tail -15 build/cmake.log >&2; die "cmake refused; all of it in build/cmake.log"; }
    fi
    step "build (preset $preset)"
    ninja -C "build/$preset" -j "$(nproc)" "$@" 2>&1 | grep --line-buffered -v '^ninja: Entering' | show_progress ||
        die "the build failed; what the compiler said stands above"
}

readonly programs=(giro giro-vault giro-switch giro-auditor giro-chain giro-settle giro-gate giro-explorer)

# build_release [TARGET...]: all of the tree, or these
build_release() {
    need "${packages_build[@]}" "${packages_run[@]}"
    configure_and_build release "$@"
}

verb_fmt() {
    need clang-format-14
    step "clang-format"
    git ls-files -z '*.cpp' '*.hpp' | xargs -0 clang-format-14 -i
}

verb_clean() {
    step "remove build/ and var/"
    if [[ -f var/run/up.pid ]] && kill -0 "$(<var/run/up.pid)" 2>/dev/null; then
        die "the box in var/ is up (pid $(<var/run/up.pid)); stop it first" 75
    fi
    rm -rf build var
}

