#!/usr/bin/env bash
# Fills fuzz/corpus with seeds and fuzz/dictionaries with words: from the stories, a trace with every key, and the
# specification's expressions where ../shared has them.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p corpus/{expression,trace_json,trace_jsonl,import_ecs,checker,operations} dictionaries

seed() { # TARGET: a file from standard input, named by what is in it
    cat > corpus/seed
    mv corpus/seed "corpus/$1/$(sha256sum corpus/seed | cut -c1-16)"
}
words() { # TARGET FILES: every key and word of some JSON
    local target=$1
    shift
    grep -oh '"[A-Za-z][A-Za-z0-9._:-]*"' "$@" | sort -u > "dictionaries/$target"
}

cat > dictionaries/expression <<'WORDS'
"attribute:"
"ecs.instance-type"
"ecs.availability-zone"
"ecs.os-type"
"task:group"
"service:web"
"runningTasksCount"
"agentConnected"
"registeredAt"
" == "
" != "
" =~ "
" !~ "
" in ["
" not_in ["
" exists"
" and "
" or "
"not("
"us-east-1a"
"t2.small"
"*"
WORDS
for file in ../../shared/spec/cluster-query-*.txt; do
    [ -e "$file" ] || continue
    while IFS= read -r line; do printf '%s' "$line" | seed expression; done < "$file"
done
printf '%s' 'attribute:stack == prod and not(task:group in [service:web, family:job])' | seed expression

for file in ../scheduler-sim/stories/*.json ../scheduler-sim/src/trace/every-key.json; do
    seed trace_json < "$file"
    # The document on one line, its events on lines of their own.
    python3 -c '
import json, sys
trace = json.load(sys.stdin)
events = trace.pop("events", [])
print("\n".join(json.dumps(part) for part in [trace] + sorted(events, key=lambda event: event.get("atSeconds", 0))))
' < "$file" | seed trace_jsonl
done
words trace_json ../scheduler-sim/stories/*.json ../scheduler-sim/src/trace/every-key.json
cp dictionaries/trace_json dictionaries/trace_jsonl

for file in seeds/ecs-*.json; do seed import_ecs < "$file"; done
words import_ecs seeds/ecs-*.json

for story in 0 1 2 3 4 5; do
    printf "\\x0$story\\x40\\x10\\x02" | seed checker
    printf "\\x0$story\\x80\\x00\\x03{\"atSeconds\":0,\"event\":0,\"task\":\"a\",\"group\":\"family:a\",\"unplaced\":\"RESOURCE:CPU\"}\n" | seed checker
done
printf '%s\n' '"placed"' '"unplaced"' '"waiting"' '"stopped"' '"closest"' '"why"' '"i-000001"' '"null"' > dictionaries/checker
for length in 20 80 168; do
    python3 -c "import random; random.seed($length); import sys; sys.stdout.buffer.write(random.randbytes($length))" | seed operations
done
printf '%s\n' '"\x00"' > dictionaries/operations
find corpus -type f | wc -l | sed "s/\$/ seeds/"
