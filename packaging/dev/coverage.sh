# shellcheck shell=bash
# ./dev coverage: which lines and branches the tests run, held against the targets in tests/coverage. What llvm-cov says
# lies in build/coverage/*.lcov and *.json. Sourced by dev.

# count_into NAME TEST...: runs the tests, their counters go into build/coverage/NAME/. The counters live in the mapped
# profile (%c), so programs that a test kills are counted too.
count_into() {
    local into=build/coverage/$1
    shift
    rm -rf "$into" && mkdir -p "$into"
    LLVM_PROFILE_FILE=$PWD/$into/%m%c.profraw run_tests "$@"
}

# report MODE LIST COUNTED...: joins what the runs COUNTED into one table, MODE and LIST as tests/coverage/report.awk
# takes them. Fails when a bound is missed.
report() {
    local mode=$1 list=$2 name=build/coverage/$1 objects=() object counted
    shift 2
    local counted=("${@/#/build/coverage/}")
    # A program that was killed while it made its profile left one that is none: what it counted is lost, not the rest.
    llvm-profdata-14 merge -failure-mode=all -o "$name.profdata" "${counted[@]}" 2>"$name.log"
    for object in "$bin"/test_* "$bin"/giro*; do objects+=(-object "$object"); done
    local export=(llvm-cov-14 export -instr-profile="$name.profdata" "${objects[@]}" -ignore-filename-regex='^/usr/|/tests/')
    "${export[@]}" -format=text -skip-functions -skip-expansions 2>>"$name.log" | sed 's/{"branches":\[/\n&/g' >"$name.json"
    "${export[@]}" -format=lcov >"$name.lcov" 2>>"$name.log"
    awk -v "root=$PWD" -v mode="$mode" -v list="$list" -v verbose="$name-by-file.txt" -f tests/coverage/report.awk "$name.json" "$name.lcov"
}

verb_coverage() {
    need "${packages_build[@]}" "${packages_run[@]}" clang-14 llvm-14
    configure_and_build coverage
    bin=build/coverage/bin
    local good=1
    step "coverage by the fuzz corpora alone"
    count_into fuzz fuzz
    report parsers tests/coverage/parsers.txt fuzz || good=0
    step "coverage by ${*:-every test}"
    count_into tests "$@"
    report all tests/coverage/whole.txt fuzz tests || good=0
    note "each file: build/coverage/all-by-file.txt"
    ((good)) || die "below the targets, as listed"
}
