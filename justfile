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

# A shard of the mutants of placement, cluster, index and expression; 0/9 is some 300 of them (needs cargo-mutants). Its
# own baseline does not run the suite, so that runs first: where it is red every mutant would count as caught.
mutants shard *args:
    PROPTEST_CASES=16 cargo test -q --profile mutants -p scheduler-core -p scheduler-tests --lib --tests
    PROPTEST_CASES=16 cargo mutants --shard {{shard}} --sharding round-robin {{args}}

# Line coverage of the core by its own tests, the suite, and the simulator's replay of the law kit's traces (needs
# cargo-llvm-cov, and llvm-tools that know the compiler's profiles).
coverage *args:
    cargo llvm-cov --no-report -p scheduler-core -p scheduler-tests --features scheduler-core/proptest --lib --tests
    cargo llvm-cov --no-report -p scheduler-sim --test laws
    cargo llvm-cov report --ignore-filename-regex '/(tests|benches|scheduler-sim)/' {{args}}

# The nastiest inputs, in a table: time, peak memory, exit status and message of each.
nasty *names:
    cargo build --release -q -p scheduler-sim
    tests/nasty.py target/release/scheduler-sim {{names}}

# The packaged core, as it would be published.
package:
    cargo package -p scheduler-core --allow-dirty

# The bundled example, compared.
example name="mixed-memory":
    cargo run --release -q -p scheduler-sim -- example {{name}} | cargo run --release -q -p scheduler-sim -- -
