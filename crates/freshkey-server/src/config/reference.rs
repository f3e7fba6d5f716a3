//! The reference page of the configuration, made from the defaults: they are its only source.

use super::DEFAULT_TOML;

/// The page, in Markdown.
pub fn reference_page() -> String {
    let mut page = String::from("# Configuration\n");
    let mut comment = String::new();
    let mut section = String::new();
    for line in DEFAULT_TOML.lines() {
        if let Some(text) = line.strip_prefix('#') {
            comment.push_str(text.strip_prefix(' ').unwrap_or(text));
            comment.push('\n');
        } else if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
            page.push_str(&format!("\n## `[{name}]`\n\n{comment}"));
            comment.clear();
        } else if let Some((key, default)) = line.split_once(" = ") {
            let variable = format!("FRESHKEY_{}__{key}", section.replace('.', "__")).to_uppercase();
            page.push_str(&format!("\n### `{section}.{key}`\n\n{comment}\nDefault `{default}` · environment `{variable}`\n"));
            comment.clear();
        } else if section.is_empty() && !comment.is_empty() {
            // The words at the top of the file belong to no section.
            page.push_str(&format!("\n{comment}"));
            comment.clear();
        }
    }
    page
}
