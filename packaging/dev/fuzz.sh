# shellcheck shell=bash
# ./dev fuzz: the targets of tests/fuzz under libFuzzer, one after another. What it learns lies in build/fuzz/corpus,
# what it finds in build/fuzz/found. Sourced by dev.

verb_fuzz() {
    local seconds=${1:-} names fuzzer=build/asan/bin/giro-fuzz name
    [[ $seconds =~ ^[0-9]+$ || $seconds == --keep ]] || die "fuzz: give the seconds for each target, or --keep" 2
    shift
    need "${packages_build[@]}" clang-14
    configure_and_build asan giro-fuzz
    end_all_on_exit
    TMPDIR=$(mktemp -d /tmp/giro-test.XXXXXX) # for targets whose parser reads files
    export TMPDIR ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
    names=("$@")
    ((${#names[@]})) || mapfile -t names < <(GIRO_FUZZ_TARGET=list $fuzzer)
    [[ $seconds == --keep ]] || note "${#names[@]} targets: $((${#names[@]} * seconds / 60)) minutes in all"
    for name in "${names[@]}"; do
        if [[ $seconds == --keep ]]; then keep_corpus "$name"; else fuzz_one "$name" "$seconds"; fi
    done
    step "nothing found"
}

# fuzz_one NAME SECONDS: what it learns stays in build/fuzz/corpus/NAME, what it finds in build/fuzz/found/.
fuzz_one() {
    local work=build/fuzz/corpus/$1 kept=tests/fuzz/corpus/$1
    step "fuzz $1, $2 s"
    mkdir -p "$work" build/fuzz/found
    GIRO_FUZZ_TARGET=$1 GIRO_FUZZ_SEEDS=$work $fuzzer || die "there is no target '$1'; all: $(GIRO_FUZZ_TARGET=list $fuzzer | xargs)" 2
    [[ -d $kept ]] || kept=$work
    GIRO_FUZZ_TARGET=$1 $fuzzer -max_total_time="$2" -timeout=20 -print_final_stats=1 -artifact_prefix="build/fuzz/found/$1-" \
        "$work" "$kept" &>"build/fuzz/$1.log" &
    started+=($!)
    tail -n +1 -f --pid="${started[-1]}" "build/fuzz/$1.log" 2>/dev/null |
        grep -E --line-buffered '^(SUMMARY|BUG)|stat::number_of_executed|Test unit written|#[0-9]+.*pulse' | sed 's/^/   /' || true
    wait "${started[-1]}" || die "$1 found something: the input is build/fuzz/found/$1-*, what it broke in build/fuzz/$1.log" 4
    started=()
}

# keep_corpus NAME: of what the last runs learned, the few inputs that reach what the kept ones don't.
keep_corpus() {
    local work=build/fuzz/corpus/$1 kept=tests/fuzz/corpus/$1 seeds=build/fuzz/seeds/$1
    mkdir -p "$work" "$kept" "$seeds"
    GIRO_FUZZ_TARGET=$1 GIRO_FUZZ_SEEDS=$seeds $fuzzer
    # Seeds are made anew by every test: first into one folder with what is kept, then only what they lack comes back.
    local all=build/fuzz/merged/$1 file
    rm -rf "$all" && mkdir -p "$all"
    cp "$seeds"/* "$all"/
    [[ -z $(ls "$kept") ]] || cp "$kept"/* "$all"/
    GIRO_FUZZ_TARGET=$1 $fuzzer -merge=1 "$all" "$work" &>"build/fuzz/$1.log"
    for file in "$all"/*; do
        [[ -e $seeds/${file##*/} || -e $kept/${file##*/} || $(stat -c %s "$file") -gt 16384 ]] || cp "$file" "$kept"/
    done
    rmdir --ignore-fail-on-non-empty "$kept"
    note "$1: $(find "$kept" -type f 2>/dev/null | wc -l) inputs kept"
}
