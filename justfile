# Everything that CI checks, and the licences and duplicates of the dependencies.
check: && deny
    .ci/run

# The licences, sources and duplicates of the dependencies (needs cargo-deny).
deny:
    cargo deny check bans licenses sources

# The tests: the README's command.
test:
    cargo test --workspace

# The hot path of placement, with the plain reference beside it.
bench *args:
    cargo bench -p scheduler-benches {{args}}

# The published study of FGD with all six policies, from its data.
reproduce data="../shared/traces/fgd-openb" *args:
    cargo run --release -q -p scheduler-sim -- reproduce fgd --data {{data}} --expected docs/fgd-published.csv {{args}}

# Random histories against the plain reference, for so many minutes.
soak minutes="60" *args:
    cargo run --release -q -p scheduler-tests --bin soak -- --minutes {{minutes}} {{args}}

# Each fuzz target for so many seconds, two at a time (needs cargo-fuzz).
fuzz seconds="60" *targets:
    fuzz/run.sh {{seconds}} {{targets}}

# The packaged core, as it would be published.
package:
    cargo package -p scheduler-core --allow-dirty

# The bundled example, compared.
example name="mixed-memory":
    cargo run --release -q -p scheduler-sim -- example {{name}} | cargo run --release -q -p scheduler-sim -- -
