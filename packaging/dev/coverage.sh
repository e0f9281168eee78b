# shellcheck shell=bash
# ./dev coverage: which lines and branches the tests run, held against the targets in tests/coverage. Sourced by dev.

# count_into NAME TEST...: runs the tests and joins what they counted into build/coverage/NAME.lcov. Counters live in the
# mapped profile (%c), so programs that a test kills are counted too.
count_into() {
    local name=$1 objects=() object
    shift
    rm -rf "build/coverage/$name" && mkdir -p "build/coverage/$name"
    LLVM_PROFILE_FILE=$PWD/build/coverage/$name/%m%c.profraw run_tests "$@"
    llvm-profdata-14 merge -o "build/coverage/$name.profdata" "build/coverage/$name"/*.profraw 2>"build/coverage/$name.log"
    for object in "$bin"/test_* "$bin"/giro*; do objects+=(-object "$object"); done
    llvm-cov-14 export -format=lcov -instr-profile="build/coverage/$name.profdata" "${objects[@]}" \
        -ignore-filename-regex='^/usr/|/tests/' >"build/coverage/$name.lcov" 2>>"build/coverage/$name.log"
}

verb_coverage() {
    need "${packages_build[@]}" "${packages_run[@]}" clang-14 llvm-14
    configure_and_build coverage
    bin=build/coverage/bin
    local report=(awk -v "root=$PWD" -f tests/coverage/report.awk) good=1
    step "coverage by the fuzz corpora alone"
    count_into parsers fuzz
    "${report[@]}" -v mode=parsers -v list=tests/coverage/parsers.txt -v verbose=build/coverage/parsers-by-file.txt build/coverage/parsers.lcov || good=0
    step "coverage by ${*:-every test}"
    count_into all "$@"
    "${report[@]}" -v mode=all -v list=tests/coverage/whole.txt -v verbose=build/coverage/by-file.txt build/coverage/all.lcov || good=0
    note "each file: build/coverage/by-file.txt"
    ((good)) || die "below the targets, as listed"
}
