//! Documents that the program itself knows better.

#[test]
fn the_page_about_the_configuration_is_the_generated_one() {
    let page = include_str!("../../../../docs/reference/configuration.md");
    let generated = freshkey_server::config::reference_page();
    assert_eq!(page, generated, "run: freshkey-server config reference > docs/reference/configuration.md");
}
