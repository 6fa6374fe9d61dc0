//! The program `rangrez`.

fn main() -> std::process::ExitCode {
    rangrez::run()
}
