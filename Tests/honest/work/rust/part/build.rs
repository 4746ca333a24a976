//! A program of the build, as many packages have one.
fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(format!("{out}/made.rs"), "pub const MADE: u32 = 42;\n").unwrap();
    println!("cargo:rerun-if-changed=build.rs");
}
