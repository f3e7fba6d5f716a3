//! The messages of `envoy.service.auth.v3`, as far as they are needed, with the numbers that its definitions give them. What is not here is skipped.

use std::collections::HashMap;

/// `envoy.service.auth.v3.CheckRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CheckRequest {
    /// What Envoy knows of the request.
    #[prost(message, optional, tag = "1")]
    pub attributes: Option<AttributeContext>,
}

/// `envoy.service.auth.v3.AttributeContext`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AttributeContext {
    /// The request.
    #[prost(message, optional, tag = "4")]
    pub request: Option<AttributeRequest>,
}

/// `envoy.service.auth.v3.AttributeContext.Request`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AttributeRequest {
    /// The HTTP request.
    #[prost(message, optional, tag = "2")]
    pub http: Option<HttpRequest>,
}

/// `envoy.service.auth.v3.AttributeContext.HttpRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HttpRequest {
    /// The method.
    #[prost(string, tag = "2")]
    pub method: String,
    /// The headers, names in lower case, values of the same name joined with commas.
    #[prost(map = "string, string", tag = "3")]
    pub headers: HashMap<String, String>,
    /// The target: path and query.
    #[prost(string, tag = "4")]
    pub path: String,
    /// The host.
    #[prost(string, tag = "5")]
    pub host: String,
    /// The headers one by one, where Envoy is told to send them so (`encode_raw_headers`).
    #[prost(message, optional, tag = "13")]
    pub header_map: Option<HeaderList>,
}

/// `envoy.config.core.v3.HeaderMap`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderList {
    /// The headers.
    #[prost(message, repeated, tag = "1")]
    pub headers: Vec<HeaderEntry>,
}

/// `envoy.config.core.v3.HeaderValue`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderEntry {
    /// The name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value.
    #[prost(string, tag = "2")]
    pub value: String,
    /// The value as bytes.
    #[prost(bytes = "vec", tag = "3")]
    pub raw_value: Vec<u8>,
}

/// `envoy.service.auth.v3.CheckResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CheckResponse {
    /// The verdict. Envoy takes a missing one for a yes, so it is always there.
    #[prost(message, optional, tag = "1")]
    pub status: Option<RpcStatus>,
    /// What goes with it.
    #[prost(oneof = "HttpResponse", tags = "2, 3")]
    pub http_response: Option<HttpResponse>,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RpcStatus {
    /// 0 is a yes.
    #[prost(int32, tag = "1")]
    pub code: i32,
}

/// What goes with a verdict.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum HttpResponse {
    /// What the caller is answered.
    #[prost(message, tag = "2")]
    Denied(DeniedHttpResponse),
    /// What is changed before the request goes on.
    #[prost(message, tag = "3")]
    Ok(OkHttpResponse),
}

/// `envoy.service.auth.v3.DeniedHttpResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeniedHttpResponse {
    /// The status.
    #[prost(message, optional, tag = "1")]
    pub status: Option<HttpStatus>,
    /// Headers of the answer.
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderOption>,
    /// Its body.
    #[prost(string, tag = "3")]
    pub body: String,
}

/// `envoy.type.v3.HttpStatus`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HttpStatus {
    /// The number.
    #[prost(int32, tag = "1")]
    pub code: i32,
}

/// `envoy.service.auth.v3.OkHttpResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OkHttpResponse {
    /// Headers that are set.
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderOption>,
    /// Headers that are removed.
    #[prost(string, repeated, tag = "5")]
    pub headers_to_remove: Vec<String>,
}

/// `envoy.config.core.v3.HeaderValueOption`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderOption {
    /// The header.
    #[prost(message, optional, tag = "1")]
    pub header: Option<HeaderEntry>,
    /// Whether it is added to what is there (`google.protobuf.BoolValue`).
    #[prost(message, optional, tag = "2")]
    pub append: Option<BoolValue>,
    /// The same in newer words: 2 overwrites what is there, or adds.
    #[prost(int32, tag = "3")]
    pub append_action: i32,
}

/// `google.protobuf.BoolValue`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct BoolValue {
    /// The value.
    #[prost(bool, tag = "1")]
    pub value: bool,
}

impl HeaderOption {
    /// A header that replaces every one of its name.
    #[must_use]
    pub fn overwriting(name: &str, value: &str) -> Self {
        const OVERWRITE_IF_EXISTS_OR_ADD: i32 = 2;
        Self {
            header: Some(HeaderEntry { key: name.to_owned(), value: value.to_owned(), raw_value: Vec::new() }),
            append: Some(BoolValue { value: false }),
            append_action: OVERWRITE_IF_EXISTS_OR_ADD,
        }
    }
}
