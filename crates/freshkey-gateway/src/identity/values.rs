//! Values of claims as the text of a header: whatever is in a value, it stays one value on one line (T-071).

use crate::claim::ClaimValue;
use crate::policy::IdentityEncoding;
use std::fmt::Write as _;

/// The text; `None` when there is nothing to tell.
#[must_use]
pub fn encode(value: &ClaimValue, encoding: IdentityEncoding) -> Option<String> {
    if *value == ClaimValue::Absent {
        return None;
    }
    let mut text = String::new();
    match encoding {
        IdentityEncoding::Percent => {
            for (number, value) in value.iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                append_percent(value, &mut text);
            }
        }
        IdentityEncoding::Json => {
            let is_list = matches!(value, ClaimValue::Many(_));
            let elements: Vec<String> = value.iter().map(json_text).collect();
            let list = elements.join(",");
            text = if is_list { format!("[{list}]") } else { list };
        }
    }
    Some(text)
}

fn append_percent(value: &str, text: &mut String) {
    for byte in value.bytes() {
        match byte {
            b',' | b'%' | b'"' | b'\\' | b';' => push_percent(byte, text),
            0x21..=0x7e => text.push(char::from(byte)),
            _ => push_percent(byte, text),
        }
    }
}

fn push_percent(byte: u8, text: &mut String) {
    // Writing to a string can't fail.
    let _ = write!(text, "%{byte:02X}");
}

/// A JSON text with everything beyond ASCII escaped.
fn json_text(value: &str) -> String {
    let mut text = String::from("\"");
    for character in value.chars() {
        match character {
            '"' | '\\' => {
                text.push('\\');
                text.push(character);
            }
            ' '..='~' => text.push(character),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(values: &[&str]) -> ClaimValue {
        ClaimValue::Many(values.iter().map(|value| Box::from(*value)).collect())
    }

    #[test]
    fn t_071_a_value_with_a_comma_a_line_end_or_more_than_ascii_stays_one_value() {
        let value = many(&["a,admin", "x\r\nX-Freshkey-Subject: root", "Ж %2C", ""]);
        let percent = encode(&value, IdentityEncoding::Percent).expect("a text");
        assert_eq!(percent, "a%2Cadmin,x%0D%0AX-Freshkey-Subject:%20root,%D0%96%20%252C,");
        assert_eq!(percent.split(',').count(), 4);
        let json = encode(&value, IdentityEncoding::Json).expect("a text");
        assert_eq!(json, r#"["a,admin","x\u000d\u000aX-Freshkey-Subject: root","\u0416 %2C",""]"#);
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).expect("JSON").len(), 4);
        assert_eq!(encode(&ClaimValue::One("😀".into()), IdentityEncoding::Json).as_deref(), Some(r#""\ud83d\ude00""#));
        assert_eq!(encode(&ClaimValue::Absent, IdentityEncoding::Json), None);
    }
}
