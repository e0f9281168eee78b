# shellcheck shell=bash
# ./dev test: the test executables of one preset, as many at a time as there are cores; each one's words lie in
# build/test-logs/. Sourced by dev.

readonly test_seconds_max=1200

declare -A test_of=() began_at=() # by pid: the tests under way

start_test() {
    timeout "$test_seconds_max" "$bin/test_$1" -nc >"build/test-logs/test_$1.log" 2>&1 &
    started+=($!)
    test_of[$!]=$1
    began_at[$!]=$SECONDS
}

# end_test PID STATUS: adds its cases to $passed and $failed; shows all it said when one failed.
end_test() {
    local name=${test_of[$1]} status=$2 cases pid
    local log=build/test-logs/test_$name.log
    cases=$(sed -nE 's/^\[doctest\] test cases: *[0-9]+ \| *([0-9]+) passed \| *([0-9]+) failed.*/\1 \2/p' "$log" | tail -1)
    local good=${cases% *} bad=${cases#* }
    # No summary means a crash or a timeout, which is one failure at least.
    if ((status != 0 && ${bad:-0} == 0)); then bad=$((${bad:-0} + 1)); fi
    passed=$((passed + ${good:-0}))
    failed=$((failed + ${bad:-0}))
    printf '   %-14s %4d passed, %d failed  (%d s)\n' "$name" "${good:-0}" "${bad:-0}" $((SECONDS - began_at[$1]))
    if ((${bad:-0})); then
        note "exit status $status; it said:"
        tail -60 "$log"
    fi
    unset "test_of[$1]" "began_at[$1]"
    started=()
    for pid in "${!test_of[@]}"; do started+=("$pid"); done
}

tell_under_way() {
    local pid said
    for pid in "${!test_of[@]}"; do
        said=$(sed -nE 's/^   (story: .*)/, \1/p' "build/test-logs/test_${test_of[$pid]}.log" | tail -1)
        note "… ${test_of[$pid]}, $((SECONDS - began_at[$pid])) s$said"
    done
}

# The tests in which threads of ours run side by side: the grinder beside giro-chain's loop, which is the product's only
# thread (chain_program); a program's server beside its client (auditor, gate, vault, pos, bus).
# Every other program and test is one loop in one thread.
readonly tests_with_threads=(chain_program bus vault auditor gate pos)

# build_for_test PRESET: everything; for tsan the tests with threads. Sets $bin, and how the sanitizers behave.
build_for_test() {
    local sanitizers=$PWD/tests/sanitizers
    case $1 in
        release) build_release; return ;;
        asan) need "${packages_build[@]}" "${packages_run[@]}" clang-14; configure_and_build asan ;;
        tsan) need "${packages_build[@]}" "${packages_run[@]}" clang-14; configure_and_build tsan "${tests_with_threads[@]/#/test_}" ;;
    esac
    bin=build/$1/bin
    # Reports go into files, so that those of the programs which the tests start are seen too, whoever expects their death.
    local to=log_path=$PWD/build/test-logs/sanitizer
    export ASAN_OPTIONS=$to:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
    export LSAN_OPTIONS=suppressions=$sanitizers/lsan.supp:print_suppressions=0 TSAN_OPTIONS=$to:second_deadlock_stack=1
}

verb_test() {
    local preset=release
    case ${1:-} in --asan) preset=asan; shift ;; --tsan) preset=tsan; shift ;; esac
    build_for_test $preset
    if [[ $preset == tsan && $# == 0 ]]; then set -- "${tests_with_threads[@]}"; fi
    run_tests "$@"
}

# Those that take minutes and mostly wait: started first, the others run beside them.
readonly tests_long=(kill story failpoint luck sim)
# Those whose figures mean something only with nothing beside them.
readonly tests_alone=(kill)

# is_alone NAME
is_alone() { [[ " ${tests_alone[*]} " == *" $1 "* ]]; }

# may_start NAME: there is a core for it, and neither it nor one under way must be alone.
may_start() {
    local pid
    ((${#test_of[@]})) || return 0
    ((${#test_of[@]} < $(nproc))) || return 1
    for pid in "${!test_of[@]}"; do
        if is_alone "$1" || is_alone "${test_of[$pid]}"; then return 1; fi
    done
}

# run_tests NAME...: those, or all; as many at a time as there are cores.
run_tests() {
    step "test"
    mkdir -p build/test-logs
    rm -f build/test-logs/sanitizer.*
    end_all_on_exit
    # Short: Unix sockets lie under it. One for all that this ./dev runs.
    [[ ${TMPDIR:-} == /tmp/giro-test.* ]] || TMPDIR=$(mktemp -d /tmp/giro-test.XXXXXX)
    export TMPDIR
    passed=0 failed=0
    local name names=("$@") next=0 told=$SECONDS pid status
    if ((${#names[@]} == 0)); then
        for name in "${tests_long[@]}"; do [[ -x $bin/test_$name ]] && names+=("$name"); done
        for name in "$bin"/test_*; do
            name=${name##*/test_}
            [[ " ${tests_long[*]} " == *" $name "* ]] || names+=("$name")
        done
    fi
    for name in "${names[@]}"; do [[ -x $bin/test_$name ]] || die "no such test: $name" 2; done
    if [[ " ${names[*]} " == *" bitcoin_node "* || " ${names[*]} " == *" story "* ]]; then need_bitcoin_node; fi
    while ((next < ${#names[@]} || ${#test_of[@]})); do
        while ((next < ${#names[@]})) && may_start "${names[next]}"; do start_test "${names[next++]}"; done
        sleep 0.2
        for pid in "${!test_of[@]}"; do
            kill -0 "$pid" 2>/dev/null && continue
            status=0
            wait "$pid" || status=$?
            end_test "$pid" "$status"
            told=$SECONDS
        done
        if ((SECONDS - told >= 10)); then
            tell_under_way
            told=$SECONDS
        fi
    done
    for name in build/test-logs/sanitizer.*; do
        grep -qsE '^SUMMARY|runtime error' "$name" || continue  # else it only warns of what it cannot see
        note "a sanitizer reported ($name):"
        head -40 "$name"
        failed=$((failed + 1))
    done
    if [[ " ${names[*]} " == *" bitcoin_node "* ]] && ! node_runs $node_folder; then
        note "without a real Bitcoin node: what needs one was skipped"
    fi
    printf '%d passed, %d failed\n' "$passed" "$failed"
    ((failed == 0))
}

# Bad luck by real processes, longer than ./dev test has time for: for so many seconds, or everything once.
verb_luck() {
    [[ ${1:-} =~ ^([0-9]+|all)$ ]] || die "luck: give seconds, or all" 2
    need "${packages_build[@]}" "${packages_run[@]}"
    configure_and_build release test_luck
    end_all_on_exit
    TMPDIR=$(mktemp -d /tmp/giro-test.XXXXXX)
    export TMPDIR GIRO_LUCK=$1
    "$bin/test_luck" -nc &
    started+=($!)
    wait "${started[-1]}"
}
