#!/usr/bin/env bash
# What a machine with a GPU has to show, in one command: tests/gpu/run.sh [--rehearse] [--list] [STEP ...] [model.path=... ...]
#
# Without names of steps, all of them. Words with a = are handed to the sweep of a real checkpoint; model.path is the
# one it needs. --rehearse: the same steps with shapes and counts for a few CPU cores. --list: the steps, their limits
# and their commands; nothing is started. All that is written lies in one folder below results/bench.
set -uo pipefail
# Each step is a group of its own, and Ctrl-C reaches it through the trap.
set -m
cd "$(dirname "$0")/../.."

# What a step that was told to end has to do so.
GRACE_SECONDS=15
PY=.venv/bin/python
STEPS=(setup versions conformance checkpoint sweep bench)

rehearse=false list=false
asked=() words=()
for word in "$@"; do
    case $word in
        --rehearse) rehearse=true ;;
        --list) list=true ;;
        *=*) words+=("$word") ;;
        setup | versions | conformance | checkpoint | sweep | bench) asked+=("$word") ;;
        *)
            echo "Unknown word '$word'; expected --rehearse, --list, model.path=..., or steps of: ${STEPS[*]}." >&2
            exit 2
            ;;
    esac
done
[ ${#asked[@]} -gt 0 ] || asked=("${STEPS[@]}")

name_device() {
    local name
    name=$(nvidia-smi --query-gpu=name --format=csv,noheader 2> /dev/null | head -n 1)
    echo "${name:-cpu-$(nproc)-cores}" | tr '[:upper:]' '[:lower:]' | tr -cs 'a-z0-9\n' '-' | sed 's/^-//; s/-$//'
}

OUT=${OUT:-results/bench/$(name_device)$($rehearse && echo -rehearsal)-$(date -u +%Y-%m-%d-%H%M%S)}

# Seconds a step may take, and all of them: no step runs on beyond that. On a GPU bench, which keeps each part as soon
# as it is measured, has what the others leave.
declare -A limit
if $rehearse; then
    limit=([setup]=600 [versions]=60 [conformance]=600 [checkpoint]=300 [sweep]=300 [bench]=600)
    TOTAL_SECONDS=${TOTAL_SECONDS:-3600}
else
    limit=([setup]=240 [versions]=30 [conformance]=180 [checkpoint]=150 [sweep]=150 [bench]=420)
    TOTAL_SECONDS=${TOTAL_SECONDS:-720}
fi

# Two rungs: starting an engine for each takes most of the time.
SMALL_SWEEP="model=countdown-1.1m,countdown-125k task.size=60 grid.widths=[1,2,4,8]"
CHECKPOINT="task=reasoning_gym task.size=8 grid.widths=[1,2] grid.budgets=[0,128,512] grid.bin_samples=1 sampling.max_answer_tokens=128"
BENCH="--model tests/bench/shapes/qwen3-8b --dummy --prompts 4 --rounds 2 --loop-rounds 2 --samples-in-flight 256 --rows 200000 --parts grid loop disk"
if $rehearse; then
    SMALL_SWEEP="model=countdown-125k,countdown-33k task.size=6 grid.widths=[1,2] grid.budgets=[0,16,64] grid.bin_samples=2 grid.anchor=countdown-125k probe=false"
    CHECKPOINT="task=reasoning_gym task.size=2 grid.widths=[1] grid.budgets=[0,32] grid.bin_samples=1 sampling.max_answer_tokens=16 engine.max_num_seqs=4 probe=false"
    BENCH="--model ladder/checkpoints/countdown-33k --dummy --prompts 1 --rounds 2 --loop-rounds 2 --samples-in-flight 64 --rows 20000 --parts grid loop disk"
fi

command_of() {
    case $1 in
        setup) echo "make setup" ;;
        versions) echo "$PY -m tests.gpu.versions $OUT/versions" ;;
        # test_vllm: the nested grid against plain runs. test_engines: both engines, vLLM's own server being the second.
        conformance) echo "$PY -m pytest -v -m 'not long' -p no:cacheprovider --junitxml=$OUT/conformance.xml tests/harness/test_vllm.py tests/harness/test_engines.py" ;;
        checkpoint) echo "make sweep RUN=$OUT/checkpoint ARGS='$CHECKPOINT hydra.sweep.dir=$OUT/outputs ${words[*]-}'" ;;
        sweep) echo "make sweep EXPERIMENT=embedded RUN=$OUT/embedded ARGS='$SMALL_SWEEP hydra.sweep.dir=$OUT/outputs'" ;;
        bench) echo "make bench ARGS='$BENCH --folder $OUT'" ;;
    esac
}

why_left_out() {
    if [ "$1" = checkpoint ] && [[ " ${words[*]-} " != *" model.path="* ]]; then echo "no model.path=... was given"; fi
}

if $list; then
    for step in "${asked[@]}"; do
        reason=$(why_left_out "$step")
        echo "$step, at most ${limit[$step]} s: ${reason:+left out, $reason: }$(command_of "$step")"
    done
    exit 0
fi

mkdir -p "$OUT"
rows="step|seconds|limit|outcome"
failed=0 running=0 stopped=false

summarize() {
    printf '%s\n' "$rows" | column -t -s '|' | tee "$OUT/summary.txt"
    echo "All of it lies in $OUT ($(du -sh "$OUT" | cut -f 1)); send it back whole."
}

stop() {
    stopped=true
    if [ "$running" != 0 ]; then kill -TERM -- "-$running" 2> /dev/null; fi
}
trap stop INT TERM

run_step() {
    local step=$1 seconds=${limit[$1]} left=$((TOTAL_SECONDS - SECONDS)) log="$OUT/$1.log" began=$SECONDS status outcome
    local reason
    reason=$(why_left_out "$step")
    if [ -n "$reason" ]; then
        rows+=$'\n'"$step|0|$seconds|left out: $reason"
        return
    fi
    if [ $((left - GRACE_SECONDS)) -lt "$seconds" ]; then seconds=$((left - GRACE_SECONDS)); fi
    if [ "$seconds" -lt 1 ]; then
        rows+=$'\n'"$step|0|0|left out: $TOTAL_SECONDS seconds are over"
        failed=1
        return
    fi
    local command
    command=$(command_of "$step")
    echo "$step, at most $seconds s, told in $log"
    { echo "\$ $command"; } > "$log"
    timeout --kill-after="$GRACE_SECONDS" "$seconds" bash -c "$command" >> "$log" 2>&1 < /dev/null &
    running=$!
    wait "$running"
    status=$?
    # A signal ends the first wait, not the step.
    if $stopped; then wait "$running"; fi
    running=0
    case $status in
        0) outcome=passed ;;
        124 | 137) outcome="out of time" ;;
        *) outcome="failed ($status)" ;;
    esac
    if $stopped; then outcome=stopped; fi
    rows+=$'\n'"$step|$((SECONDS - began))|$seconds|$outcome"
    if [ "$outcome" != passed ]; then
        failed=1
        echo "$step: $outcome; the end of its log:"
        tail -n 20 "$log"
    fi
}

SECONDS=0
for step in "${asked[@]}"; do
    if ! $stopped; then run_step "$step"; fi
done
rows+=$'\n'"all|$SECONDS|$TOTAL_SECONDS|$([ $failed = 0 ] && echo passed || echo "see above")"
summarize
exit $failed
