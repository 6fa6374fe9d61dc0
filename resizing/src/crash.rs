//! Bugs reported as one line: a panic is told by whoever catches it instead of being printed where it happens.

use std::any::Any;

/// Keeps panics quiet, unless RUST_BACKTRACE is set.
pub fn install() {
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        std::panic::set_hook(Box::new(|_| {}));
    }
}

/// What a caught panic said.
pub fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("internal error: {}; run it with RUST_BACKTRACE=1 and report it", text.unwrap_or("unknown"))
}
