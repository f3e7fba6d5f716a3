use super::*;

fn url(text: &str) -> FetchedUrl {
    FetchedUrl::parse(text).unwrap_or_else(|| panic!("{text}"))
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn the_parts_of_a_url_are_read() {
    let plain = url("https://Keys.Example/set/of?app=1");
    assert_eq!((plain.scheme(), plain.host(), plain.port(), plain.target()), (FetchedScheme::Https, "keys.example", 443, "/set/of?app=1"));
    assert_eq!(plain.to_string(), "https://keys.example/set/of?app=1");
    let numeric = url("HTTP://[2001:DB8::1]:8080");
    assert_eq!(
        (numeric.host(), numeric.port(), numeric.target(), numeric.authority().as_str()),
        ("2001:db8::1", 8080, "/", "[2001:db8::1]:8080")
    );
    assert_eq!(url("https://a?b").target(), "/?b");
    assert_eq!(url("https://a:443").authority(), "a");
}

#[test]
fn t_051_what_two_parsers_could_read_in_two_ways_is_no_url() {
    for text in [
        "",
        "https://",
        "https:///x",
        "keys.example",
        "//keys.example",
        "/realms/x",
        "file:///etc/passwd",
        "ftp://a",
        "gopher://a",
        "https://user@a/",
        "https://a@b/",
        "https://a#b",
        "https://a\\@b",
        "https://a b",
        "https://a\nb",
        "https://a:0",
        "https://a:70000",
        "https://a:+443",
        "https://a:443:443",
        "https://[::1",
        "https://[1.2.3.4]",
        "https://[fe80::1%25eth0]",
        "https://[::1]x",
        "https://bücher.example",
        "https://a/\u{0}",
        "javascript:alert(1)",
    ] {
        assert_eq!(FetchedUrl::parse(text), None, "{text:?}");
    }
    assert_eq!(FetchedUrl::parse(&format!("https://a/{}", "x".repeat(FETCHED_URL_BYTES_MAX))), None);
}

#[test]
fn t_051_no_address_inside_a_network_is_public() {
    for text in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.8.8.8",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:1::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:a00:1::1",
        "3fff::1",
        "3fff:fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "ffff::1",
    ] {
        assert!(!is_public(address(text)), "{text}");
    }
    for text in [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "192.169.0.1",
        "198.17.0.1",
        "198.20.0.1",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2606:4700::1111",
        "2a00:1450::1",
        "3ffe::1",
        "3fff:1000::1",
    ] {
        assert!(is_public(address(text)), "{text}");
    }
}

#[test]
fn t_051_an_unlisted_host_is_called_by_https_at_public_addresses_only() {
    let (public, private) = (address("8.8.8.8"), address("10.0.0.1"));
    let target = url("https://keys.example/");
    assert_eq!(check_url(&target, &[]), Ok(()));
    assert_eq!(check_url(&url("http://keys.example/"), &[]), Err(NotCalled::InClear));
    assert_eq!(check_addresses(&target, &[public], &[]), Ok(&[public][..]));
    assert_eq!(check_addresses(&target, &[], &[]), Err(NotCalled::NoAddress));
    // A name that has both is how a name is bound anew.
    for found in [[private, public], [public, private]] {
        assert_eq!(check_addresses(&target, &found, &[]), Err(NotCalled::NotPublic(private)));
    }
    for literal in ["https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/"] {
        let target = url(literal);
        assert!(check_addresses(&target, &[address(target.host())], &[]).is_err(), "{literal}");
    }
}

#[test]
fn t_051_a_listed_host_is_called_where_it_is_and_no_other_beside_it() {
    let allowed: Vec<AllowedHost> =
        ["Keys.Internal", "one.internal:8443", "10.0.0.1", "[fd00::1]:8443"].into_iter().filter_map(AllowedHost::parse).collect();
    assert_eq!(allowed.len(), 4);
    let inside = [address("10.9.9.9")];
    for good in
        ["https://keys.internal/", "http://keys.internal:81/", "https://one.internal:8443/", "http://10.0.0.1/", "https://[fd00::1]:8443/"]
    {
        assert_eq!((check_url(&url(good), &allowed), check_addresses(&url(good), &inside, &allowed).is_ok()), (Ok(()), true), "{good}");
    }
    for wrong in
        ["http://one.internal/", "http://x.keys.internal/", "http://keys.internal.example/", "http://10.0.0.2/", "http://[fd00::1]/"]
    {
        let asked = url(wrong);
        assert_eq!(
            (check_url(&asked, &allowed), check_addresses(&asked, &inside, &allowed).is_ok()),
            (Err(NotCalled::InClear), false),
            "{wrong}"
        );
    }
    for text in ["", "*", "https://a", "a/b", "a:", "a:0", "10.0.0.0/8", "[::1"] {
        assert_eq!(AllowedHost::parse(text), None, "{text}");
    }
}
