//! Every limit on input from outside, in one place. A value at its limit is accepted, one above it is refused.

/// Bytes of a form body (`application/x-www-form-urlencoded`).
pub const FORM_BODY_BYTES_MAX: usize = 64 * 1024;
/// Parameters in one form.
pub const FORM_PARAMETERS_MAX: usize = 200;
/// Bytes of a decoded parameter name.
pub const FORM_NAME_BYTES_MAX: usize = 256;
/// Bytes of a decoded parameter value. Client assertions and subject tokens are the largest honest ones.
pub const FORM_VALUE_BYTES_MAX: usize = 32 * 1024;

/// Bytes of a `scope` text.
pub const SCOPE_BYTES_MAX: usize = 8 * 1024;
/// Distinct names in one `scope`.
pub const SCOPE_NAMES_MAX: usize = 256;
/// Bytes of one scope name.
pub const SCOPE_NAME_BYTES_MAX: usize = 256;

/// Bytes of a JWS in compact form: about a thousand roles in an access token. As much as a form value may have.
pub const COMPACT_JWS_BYTES_MAX: usize = FORM_VALUE_BYTES_MAX;
/// Bytes of a JOSE header in its base64url form. Leaves room for an ignored `x5c` of a foreign token.
pub const JWS_HEADER_BYTES_MAX: usize = 8 * 1024;
/// Members of a JOSE header.
pub const JWS_HEADER_MEMBERS_MAX: usize = 32;
/// Bytes of a key id.
pub const KEY_ID_BYTES_MAX: usize = 256;
/// Bytes of the longest signature: RSA with 8192 bits.
pub const SIGNATURE_BYTES_MAX: usize = 1024;

/// Objects and arrays inside one another in claims and key sets; the outermost object counts as one.
pub const JSON_DEPTH_MAX: usize = 16;
/// Members of one JSON object in claims and key sets.
pub const JSON_MEMBERS_MAX: usize = 1024;

/// Bytes of an `Authorization: Basic` header value.
pub const BASIC_HEADER_BYTES_MAX: usize = 4 * 1024;
/// Bytes of an `Authorization: Bearer` header value: a compact JWS, the scheme and a few spaces.
pub const BEARER_HEADER_BYTES_MAX: usize = COMPACT_JWS_BYTES_MAX + 16;

/// Bytes of a JWK set.
pub const JWK_SET_BYTES_MAX: usize = 256 * 1024;
/// Keys in one JWK set, those that are not understood included.
pub const JWK_SET_KEYS_MAX: usize = 64;

/// Bytes of a key or certificate as text (PEM or bare base64).
pub const KEY_TEXT_BYTES_MAX: usize = 64 * 1024;
/// Bits of an RSA modulus: the smallest accepted (RFC 7518 §3.3, T-030).
pub const RSA_BITS_MIN: usize = 2048;
/// Bits of an RSA modulus: the largest accepted. Above it a verification costs too much to offer to strangers.
pub const RSA_BITS_MAX: usize = 8192;

/// Bytes of a token in a reply of another server; its client treats it as opaque.
pub const REPLY_TOKEN_BYTES_MAX: usize = 128 * 1024;
/// Seconds that a token of another server may be said to live: ten years.
pub const EXPIRES_IN_S_MAX: u32 = 10 * 366 * 24 * 3600;
/// Bytes of a text of another server that is shown to a person.
pub const PROVIDER_TEXT_BYTES_MAX: usize = 4 * 1024;
/// Bytes of another server's discovery document.
pub const PROVIDER_METADATA_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a URL that another server names.
pub const PROVIDER_URL_BYTES_MAX: usize = 2 * 1024;
