//! `rangrez`: resizes by itself, and starts `rangrez-models` for everything else.

fn main() -> std::process::ExitCode {
    rangrez::run_without_models()
}
