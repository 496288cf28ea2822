//! Every form of a listen address, and the errors of opening one.

use super::*;

fn parse(text: &str) -> ListenAddr {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_form_parses_and_prints() {
    for (text, address, shown, loopback) in [
        ("8080", "127.0.0.1:8080", "127.0.0.1:8080", true),
        ("localhost:8080", "127.0.0.1:8080", "127.0.0.1:8080", true),
        (":8080", "[::]:8080", ":8080", false),
        ("0.0.0.0:0", "0.0.0.0:0", "0.0.0.0:0", false),
        ("127.0.0.1:65535", "127.0.0.1:65535", "127.0.0.1:65535", true),
        ("[::1]:80", "[::1]:80", "[::1]:80", true),
        ("[::]:80", "[::]:80", "[::]:80", false),
        ("unix:/run/x.sock", "unix:/run/x.sock", "unix:/run/x.sock", true),
        ("unix:@abstract", "unix:@abstract", "unix:@abstract", true),
    ] {
        let parsed = parse(text);
        assert_eq!(parsed.address().to_string(), address, "{text}");
        assert_eq!(parsed.to_string(), shown, "{text}");
        assert_eq!(parsed.is_loopback(), loopback, "{text}");
        assert_eq!(parse(shown), parsed, "{text}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_the_forms() {
    for text in ["", ":", "x", "65536", ":+80", "1.2.3.4", "::1:80", "[::1]", "[::1]:x", "unix:"] {
        let error = text.parse::<ListenAddr>().unwrap_err().to_string();
        assert!(error.contains(":8080 (every interface)"), "{text}: {error}");
    }
}

#[test]
fn everywhere_takes_both_families() {
    let listener = open(&parse(":0")).unwrap();
    let port = listener.getsockname().unwrap().port().unwrap();
    for ip in ["127.0.0.1", "::1"] {
        sockeye_socket::create_connection((ip, port)).open().unwrap();
    }
}

#[test]
fn a_port_in_use_names_its_holder() {
    let held = open(&parse("0")).unwrap();
    let taken = ListenAddr::from(held.getsockname().unwrap());
    let error = open(&taken).unwrap_err();
    let ListenError::PortInUse { holder: Some(holder), .. } = &error else {
        panic!("expected a holder: {error:?}")
    };
    assert_eq!(holder.pid, std::process::id());
    assert!(error.to_string().contains(&format!("(process {})", holder.pid)), "{error}");
}

#[test]
fn an_address_of_another_machine_is_refused() {
    let error = open(&parse("192.0.2.1:0")).unwrap_err();
    assert!(matches!(error, ListenError::NotAvailable { .. }), "{error}");
}

#[test]
fn a_stale_unix_socket_is_replaced_and_a_live_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let address = parse(&format!("unix:{}", path.display()));
    let live = open(&address).unwrap();
    let error = open(&address).unwrap_err();
    assert!(matches!(error, ListenError::PortInUse { .. }), "{error}");
    assert!(error.to_string().ends_with("choose another path"), "{error}");
    drop(live);
    open(&address).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "a file").unwrap();
    assert!(matches!(open(&address), Err(ListenError::PathTaken { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"a file");
}
