# A package of Rust with one that it depends on and that has a program of its build: checked, tested, built and run.
cp -r "$1" rust && cd rust
export CARGO_HOME=$HOME/cargo CARGO_TERM_COLOR=never CARGO_NET_OFFLINE=true
cargo build -q --offline
target/debug/work 'pears apples' pears
cargo test -q --offline 2>&1 | grep '^test result' | sed 's/; finished.*//'
cargo metadata -q --offline --format-version 1 --no-deps | grep -o '"name":"work"' | head -n 1
