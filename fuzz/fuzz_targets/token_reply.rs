//! T-050, T-067: replies of a token endpoint. A reply is accepted as a whole, with tokens that can be presented, or not at all.
#![no_main]

use freshkey_protocol::limits::{EXPIRES_IN_S_MAX, REPLY_TOKEN_BYTES_MAX};
use freshkey_protocol::{ErrorReply, TokenReply};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let refused = ErrorReply::parse(body);
    assert!(refused.is_none_or(|reply| reply.code.len() <= body.len()));
    let Ok(reply) = TokenReply::parse(body) else { return };
    for token in [Some(&reply.access_token), reply.refresh_token.as_ref(), reply.id_token.as_ref()].into_iter().flatten() {
        let token = token.expose();
        assert!((1..=REPLY_TOKEN_BYTES_MAX).contains(&token.len()));
        // What ends a header would end it in every request that bears the token.
        assert!(token.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    assert!(reply.expires_in_s.is_none_or(|seconds| seconds <= EXPIRES_IN_S_MAX));
});
