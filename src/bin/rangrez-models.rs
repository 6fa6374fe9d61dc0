//! The program `rangrez-models`: every command, with libtorch. `rangrez` starts it.

fn main() -> std::process::ExitCode {
    rangrez::run()
}
