//! Tests of the framing.

use super::*;
use proptest::prelude::*;

const GOOD: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a?b HTTP/1.0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "POST / HTTP/1.1\r\nContent-Length:0\r\nX: \tv\t\r\nY:\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00anything",
];

const BAD: &[(&str, FramingFault)] = &[
    ("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", FramingFault::Length),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", FramingFault::Length),
    ("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", FramingFault::Length),
    ("POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\nhello", FramingFault::Length),
    ("POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\nhello", FramingFault::Length),
    ("POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\nhello", FramingFault::Length),
    ("POST / HTTP/1.1\r\nContent-Length: \r\n\r\nhello", FramingFault::Length),
    ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", FramingFault::Length),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", FramingFault::Length),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", FramingFault::Length),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", FramingFault::Length),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", FramingFault::Length),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", FramingFault::Length),
    ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", FramingFault::Length),
    ("POST / HTTP/1.1\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", FramingFault::Header),
    ("POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", FramingFault::Header),
    ("POST / HTTP/1.1\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", FramingFault::FoldedHeader),
    ("GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", FramingFault::FoldedHeader),
    ("GET / HTTP/1.1\r\nX: a\r\n\tTransfer-Encoding: chunked\r\n\r\n", FramingFault::FoldedHeader),
    ("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", FramingFault::Header),
    ("GET / HTTP/1.1\r\nno colon\r\n\r\n", FramingFault::Header),
    ("GET / HTTP/1.1\r\n: nameless\r\n\r\n", FramingFault::Header),
    ("GET / HTTP/1.1\nHost: a\r\n\r\n", FramingFault::LineEnd),
    ("GET / HTTP/1.1\r\nX: a\rY: b\r\n\r\n", FramingFault::LineEnd),
    ("GET / HTTP/1.1\r\nHost: a\n\r\n", FramingFault::LineEnd),
    ("\r\nGET / HTTP/1.1\r\n\r\n", FramingFault::RequestLine),
    ("GET  / HTTP/1.1\r\n\r\n", FramingFault::RequestLine),
    ("GET / HTTP/1.1 \r\n\r\n", FramingFault::RequestLine),
    ("GET /\r\n\r\n", FramingFault::RequestLine),
    ("GET / HTTP/1.2\r\n\r\n", FramingFault::RequestLine),
    ("GET / HTTP/2.0\r\n\r\n", FramingFault::RequestLine),
    ("GET\t/ HTTP/1.1\r\n\r\n", FramingFault::RequestLine),
    ("G@T / HTTP/1.1\r\n\r\n", FramingFault::RequestLine),
    ("GET /a#b HTTP/1.1\r\n\r\n", FramingFault::Fragment),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\n\r\n", FramingFault::Chunk),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", FramingFault::Chunk),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", FramingFault::Chunk),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", FramingFault::Chunk),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", FramingFault::LineEnd),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF1\r\n", FramingFault::Chunk),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Freshkey-Subject: root\r\n\r\n", FramingFault::Trailer),
    ("GET / HTTP/1.1\r\n\r\nPRI * HTTP/2.0\r\n\r\n", FramingFault::RequestLine),
];

#[test]
fn t_077_messages_that_others_might_cut_elsewhere_are_noticed() {
    for (text, fault) in BAD {
        let found = FramingScanner::default().feed(text.as_bytes()).expect_err(text);
        assert_eq!(found.fault, *fault, "{text:?}");
    }
    for text in GOOD {
        assert_eq!(FramingScanner::default().feed(text.as_bytes()), Ok(()), "{text:?}");
    }
}

#[test]
fn t_077_what_came_before_the_wrong_message_is_told_apart_from_it() {
    let good = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi";
    let text = format!("{good}GET / HTTP/1.1\r\nX : y\r\n\r\n");
    let found = FramingScanner::default().feed(text.as_bytes()).expect_err("wrong");
    assert_eq!(found.sound_bytes, Some(good.len()));
    let mut scanner = FramingScanner::default();
    assert_eq!(scanner.feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), Ok(()));
    assert_eq!(scanner.feed(b"5;x\r\n").expect_err("wrong").sound_bytes, None, "the head is gone already");
    let mut scanner = FramingScanner::default();
    assert_eq!(scanner.feed(b"GET / HT"), Ok(()));
    assert_eq!(scanner.feed(b"TP/1.1\r\nX : y\r\n").expect_err("wrong").sound_bytes, Some(0));
}

/// Of a message, or anything: bytes of no form at all would never come beyond the first line.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "GET / HTTP/1.1\r\n",
        "POST /a HTTP/1.0\r\n",
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "X:\r\n",
        "X: y\r\n",
        "\r\n",
        ":",
        "\r",
        "\n",
        "3\r\nabc\r\n",
        "0\r\n\r\n",
        "abc",
        "ffffffffffffffff",
    ];
    prop_oneof![
        6 => (0..PIECES.len()).prop_map(|number| PIECES[number].as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..16),
    ]
}

proptest! {
    #[test]
    fn where_the_bytes_are_cut_makes_no_difference(number in 0..BAD.len() + GOOD.len(), cuts in proptest::collection::vec(0_usize..200, 0..6)) {
        let (text, expected) = BAD.get(number).map_or_else(|| (GOOD[number - BAD.len()], None), |(text, fault)| (*text, Some(*fault)));
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.sort_unstable();
        cuts.push(text.len());
        let mut scanner = FramingScanner::default();
        let mut from = 0;
        let mut found = None;
        for cut in cuts {
            if let Err(violation) = scanner.feed(&text.as_bytes()[from..cut]) {
                found = Some(violation.fault);
                break;
            }
            from = cut;
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn t_050_no_bytes_make_the_scanner_panic(pieces in proptest::collection::vec(piece(), 0..24)) {
        let _ = FramingScanner::default().feed(&pieces.concat());
    }
}
