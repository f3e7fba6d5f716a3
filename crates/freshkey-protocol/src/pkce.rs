//! Proof Key for Code Exchange (RFC 7636): a secret that ties the code of a browser sign-in to who started it.

use crate::base64url;
use crate::secret::Secret;

/// Bytes of randomness in a verifier (RFC 7636 §4.1 recommends 32).
pub const VERIFIER_RANDOM_BYTES: usize = 32;

/// What the token endpoint is shown.
pub struct Verifier(Secret<String>);

impl Verifier {
    /// Makes one of `random` bytes.
    #[must_use]
    pub fn of(random: &[u8; VERIFIER_RANDOM_BYTES]) -> Self {
        Self(Secret::new(base64url::encode(random)))
    }

    /// For the token request.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// For the authorization request, with the method `S256` (RFC 7636 §4.2).
    #[must_use]
    pub fn challenge(&self) -> String {
        base64url::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.expose().as_bytes()).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b() {
        let random = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214, 191, 240, 91, 88, 5, 88,
            83, 132, 141, 121,
        ];
        let verifier = Verifier::of(&random);
        assert_eq!(verifier.expose(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
