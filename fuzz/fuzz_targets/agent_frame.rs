//! T-050: what comes over the agent's socket, in both directions. What is read is written and read again as the same.
#![no_main]

use freshkey_client::agent::frame::{Answer, Request, answer_len, request_len};
use freshkey_client::limits::{AGENT_ANSWER_BYTES_MAX, AGENT_REQUEST_BYTES_MAX};
use libfuzzer_sys::fuzz_target;

const HEADER_BYTES: usize = 4;

fuzz_target!(|frame: &[u8]| {
    if let Some(header) = frame.first_chunk::<HEADER_BYTES>() {
        assert!((1..=AGENT_REQUEST_BYTES_MAX).contains(&request_len(*header).unwrap_or(1)));
        assert!((1..=AGENT_ANSWER_BYTES_MAX).contains(&answer_len(*header).unwrap_or(1)));
    }
    if let Ok(request) = Request::decode(frame) {
        assert!(Request::decode(&request.encode()[HEADER_BYTES..]).is_ok_and(|again| again == request));
    }
    if let Ok(answer) = Answer::decode(frame) {
        assert!(Answer::decode(&answer.encode()[HEADER_BYTES..]).is_ok_and(|again| again == answer));
    }
});
