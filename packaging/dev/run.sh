# shellcheck shell=bash
# ./dev run: a demo box from nothing to a settled window and verified receipts, with the real programs. Sourced by dev.

giro() { "$bin/giro" --dir "$dir" "$@"; }
# What `giro --json` printed, one field of it: field NAME <<<"$json"
field() { sed -nE "s/.*\"$1\":\"?([^\",}]*).*/\1/p"; }

# Of what the runs leave in demo/, that of the last ones stays.
readonly runs_kept=3
forget_old_runs() {
    local kind old
    for kind in trace receipts; do
        { ls -dt "$dir/demo/$kind".* 2>/dev/null || true; } | tail -n +"$runs_kept" | while IFS= read -r old; do rm -rf "$old"; done
    done
}

start_box() {
    local log=$dir/log/up.log
    : >"$log"
    "$bin/giro" --dir "$dir" up >>"$log" 2>&1 & # not through giro(): $! must be the program's own pid
    started+=($!)
    # The log's lines as they come, until the box says that it is up or has ended.
    local shown=0 lines
    while :; do
        lines=$(wc -l <"$log")
        ((lines > shown)) && sed -n "$((shown + 1)),${lines}p" "$log"
        shown=$lines
        grep -q 'is up; logs in' "$log" && return
        kill -0 "${started[-1]}" 2>/dev/null || { tail -n +$((shown + 1)) "$log"; die "the box did not start, as said above"; }
        sleep 0.2
    done
}

start_host() {
    "$bin/giro" --dir "$dir" host --state "$dir/demo/host.jsonl" >>"$dir/log/host.log" 2>&1 &
    started+=($!)
    local i
    for ((i = 0; i < 50; i++)); do # the gate tries again within some seconds
        giro --json status | grep -q '"links":\[{[^]]*"up":true' && break
        sleep 0.2
    done
    note "a bank's own host stands at the end of the link (giro host)"
}

pay_by_card() {
    giro pos load --terminals 8 --echo --count 8
    giro pos load --terminals 8 --count 200 --mix card=84,link=6,reversal=5,decline=5 --trace "$trace"
    note "payments sent twice are answered the same"
    giro pos load --terminals 4 --count 8 --duplicate --trace "$trace"
}

pay_by_qr() {
    local wallet=customer address code
    if ! giro wallet address $wallet &>/dev/null; then giro wallet new $wallet; fi
    giro wallet register $wallet
    address=$(giro wallet address $wallet)
    giro bank pay-in --wallet "$address" --amount 50000
    note "the customer shows a code, the till scans it"
    giro pos load --terminals 2 --count 6 --mix qr=100 --wallet $wallet --trace "$trace"
    note "the shop shows a code, the customer scans it"
    code=$(giro pos mpm --amount 350)
    giro wallet pay $wallet "$code"
    giro wallet balance $wallet
}

# Until the chain has the coins' first 101 blocks, nothing can be settled.
wait_for_proposal() {
    local height last=
    until giro settle wait --window "$window" --state proposed --timeout 2 &>/dev/null; do
        kill -0 "${started[0]}" 2>/dev/null || die "the box has ended; see $dir/log"
        height=$(giro --json status | sed -nE 's/.*"height":([0-9]+).*/\1/p')
        [[ $height == "$last" ]] || note "pre-mining: block ${height:-0} of 101"
        last=$height
    done
}

settle() {
    window=$(giro --json settle close | field window)
    note "window $window is closed"
    wait_for_proposal
    giro approve --officer alice --window "$window"
    giro approve --officer bob --window "$window"
    giro settle wait --window "$window" --state confirmed --timeout 120
}

# Receipts of some of this run's approved payments, each verified offline.
take_receipts() {
    local terminal rrn
    receipts=$(mktemp -d "$dir/demo/receipts.XXXXXX")
    while read -r terminal rrn; do
        giro receipt "$rrn" --terminal "$terminal" --out "$receipts/$terminal-$rrn.json"
        giro verify "$receipts/$terminal-$rrn.json"
    done < <(sed -nE '/"event":"answer","of":"sale".*"code":"00"/s/.*"terminal":"([^"]*)".*"rrn":"([^"]*)".*/\1 \2/p' "$trace" |
        awk 'NR % 40 == 1' | head -5)
}

show_where_to_look() {
    cat <<TEXT

The box is up. In another shell:
   $bin/giro --dir $dir status                      what runs, and where journal and chain stand
   $bin/giro --dir $dir pos buy --amount 1250       pay by card
   $bin/giro --dir $dir wallet balance customer     a wallet
   $bin/giro --dir $dir journal list --kind payment what was decided, cards masked
   $bin/giro --dir $dir journal verify              hash chain, signed checkpoint, ledger
   $bin/giro --dir $dir settle status               windows, nets, approvals, tier-1 transactions
   $bin/giro verify --dir $dir $(printf '%s\n' "$receipts"/*.json | head -1)
Logs in $dir/log, receipts in $receipts.
Ctrl-C stops it.
TEXT
}

# The figures of this run's window, from the journal and the chain, in the order of the README.
print_figures() {
    local summary key value out=
    summary=$(giro --json journal summary --window "$window" --receipts "$receipts")
    for key in card_payments qr_payments reversals declines window tier1_height tier1_txid receipts_verified ledger_balanced; do
        value=$(field "$key" <<<"$summary")
        [[ -n $value ]] || die "giro journal summary did not say '$key': $summary"
        [[ $key == tier1_txid ]] && value="\"$value\""
        out+="\"$key\":$value,"
    done
    figures="{$out\"seconds\":$SECONDS}"
}

verb_run() {
    local once=0 figures window receipts trace
    dir=var
    while (($#)); do
        case $1 in
            --once) once=1 ;;
            --dir) dir=${2:?--dir needs a folder}; dir=$(cd "$started_in" && realpath -m "$dir"); shift ;;
            *) die "run: unknown option '$1'" 2 ;;
        esac
        shift
    done
    build_release "${programs[@]}"
    end_all_on_exit
    step "set up the demo box in $dir"
    giro init --demo
    forget_old_runs
    trace=$(mktemp "$dir/demo/trace.XXXXXX")
    step "start it"
    start_box
    start_host
    step "the demo's banks, cards and terminals"
    giro demo provision
    step "pay by card: 8 terminals, cards of two banks here and of one behind a link, reversals, declines"
    pay_by_card
    step "pay by QR"
    pay_by_qr
    step "settle: close the window, two officers approve, a tier-1 block confirms"
    settle
    step "receipts, and their proofs checked with nothing but the chain"
    take_receipts
    print_figures
    if ((once)); then
        step "stop"
        stop_started
        printf '%s\n' "$figures"
        return
    fi
    show_where_to_look
    printf '%s\n' "$figures"
    trap 'exit 0' INT
    wait "${started[0]}"
}
