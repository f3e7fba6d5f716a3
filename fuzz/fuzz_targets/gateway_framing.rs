//! T-050, T-077: the framing of HTTP/1.1. Where bytes are cut on their way makes no difference.
#![no_main]

use freshkey_gateway::listener::framing::FramingScanner;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    let whole = FramingScanner::default().feed(bytes).map_err(|violation| violation.fault);
    let mut scanner = FramingScanner::default();
    let pieces = bytes.chunks(usize::from(step).max(1));
    let mut outcome = Ok(());
    for piece in pieces {
        outcome = scanner.feed(piece).map_err(|violation| violation.fault);
        if outcome.is_err() {
            break;
        }
    }
    assert_eq!(whole, outcome);
});
