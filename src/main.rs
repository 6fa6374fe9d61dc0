//! The command line of Rangrez.
fn main() {}
