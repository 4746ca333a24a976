//! A number that the build made.
include!(concat!(env!("OUT_DIR"), "/made.rs"));
