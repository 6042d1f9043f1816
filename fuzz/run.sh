#!/usr/bin/env bash
# Runs each fuzz target for so many seconds, two at a time: fuzz/run.sh SECONDS [TARGET…]. A finding is left in
# fuzz/artifacts/TARGET, the log of each in fuzz/logs; exit status 1 if there is any finding.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(expression operations trace_json checker trace_jsonl import_ecs)
./seed.sh
cargo fuzz build --fuzz-dir . --sanitizer none
mkdir -p logs
one() {
    local target=$1
    mkdir -p "artifacts/$target"
    cargo fuzz run --fuzz-dir . --sanitizer none "$target" -- -max_total_time="$seconds" -timeout=30 \
        -rss_limit_mb=2048 -max_len=8192 -dict="dictionaries/$target" -print_final_stats=1 > "logs/$target" 2>&1 ||
        echo "a finding of $target: see fuzz/artifacts/$target and fuzz/logs/$target"
}
export -f one
export seconds
findings=$(printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c 'one {}')
for target in "${targets[@]}"; do
    echo "$target: $(grep -o 'stat::number_of_executed_units: .*' "logs/$target" | grep -o '[0-9]*$') inputs"
done
[ -z "$findings" ] || { echo "$findings"; exit 1; }
