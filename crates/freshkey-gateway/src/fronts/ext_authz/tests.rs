//! Tests of the frames of gRPC.

use super::*;

#[test]
fn t_072_a_message_is_one_whole_plain_frame() {
    assert_eq!(message(&[0, 0, 0, 0, 2, 7, 8]), Some(&[7, 8][..]));
    assert_eq!(message(&[0, 0, 0, 0, 0]), Some(&[][..]));
    for wrong in [&[][..], &[0, 0, 0, 0], &[1, 0, 0, 0, 1, 7], &[0, 0, 0, 0, 2, 7], &[0, 0, 0, 0, 1, 7, 8], &[0, 255, 255, 255, 255, 7]] {
        assert_eq!(message(wrong), None, "{wrong:?}");
    }
}
