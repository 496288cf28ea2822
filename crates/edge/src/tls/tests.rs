//! Certificates of openssl's making, and what is wrong with them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use sockeye_testkit::{Need, Process, need};

use super::*;

fn openssl(args: &[&str], folder: &Path) -> String {
    let done = Process::run(Command::new("openssl").args(args).current_dir(folder), b"");
    assert_eq!(done.code(), Some(0), "openssl {args:?}: {}", done.err());
    done.out()
}

/// A key of `kind` and its certificate, as files.
fn make(folder: &Path, name: &str, kind: &[&str]) -> Source {
    let (certificates, key) = (format!("{name}.pem"), format!("{name}.key"));
    let subject = format!("/CN={name}");
    let fixed = ["req", "-x509", "-nodes", "-days", "2", "-subj", &subject];
    let out = ["-out", &certificates, "-keyout", &key];
    openssl(&[&fixed[..], &["-newkey"], kind, &out].concat(), folder);
    Source::Files { certificates: folder.join(certificates), key: folder.join(key) }
}

const EC: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

#[test]
fn every_usual_kind_of_key_is_taken_and_the_fingerprint_is_openssls() {
    if !need(Need::Program("openssl")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, kind) in [("rsa", &["rsa:2048"][..]), ("ec", EC), ("ed", &["ed25519"])] {
        let (tls, loaded) = Tls::load(make(folder.path(), name, kind)).unwrap();
        let args = ["x509", "-noout", "-fingerprint", "-sha256", "-in", &format!("{name}.pem")];
        let theirs = openssl(&args, folder.path());
        assert_eq!(theirs.trim().split_once('=').unwrap().1, loaded.fingerprint);
        assert_eq!(tls.fingerprint(), loaded.fingerprint);
        assert_eq!(loaded.warnings, []);
        let config = tls.server_config(&["h2", "http/1.1"]).unwrap();
        assert_eq!(config.alpn_protocols, [&b"h2"[..], b"http/1.1"]);
    }
}

/// The error of loading these files of `folder`.
fn error(folder: &Path, certificates: &str, key: &str) -> String {
    let source = Source::Files { certificates: folder.join(certificates), key: folder.join(key) };
    let error = Tls::load(source).unwrap_err().to_string();
    error.replace(&format!("{}/", folder.display()), "")
}

#[test]
fn each_mistake_has_an_error_of_its_own() {
    if !need(Need::Program("openssl")) {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    make(folder, "a", EC);
    make(folder, "b", EC);
    let run = |args: &[&str]| drop(openssl(args, folder));
    run(&["pkey", "-in", "a.key", "-aes256", "-passout", "pass:x", "-out", "locked.key"]);
    run(&["ec", "-in", "a.key", "-aes256", "-passout", "pass:x", "-out", "old-locked.key"]);
    run(&["x509", "-in", "a.pem", "-outform", "der", "-out", "a.der"]);
    run(&["pkey", "-in", "a.key", "-outform", "der", "-out", "key.der"]);
    fs::write(folder.join("empty"), "").unwrap();
    fs::write(folder.join("cut"), "-----BEGIN CERTIFICATE-----\nMIIB\n").unwrap();
    let junk = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    fs::write(folder.join("junk"), junk).unwrap();
    fs::write(folder.join("large"), vec![b'\n'; 1024 * 1024 + 1]).unwrap();
    for (certificates, key, expected) in [
        ("none.pem", "a.key", "cannot read none.pem"),
        ("a.pem", "none.key", "cannot read none.key"),
        ("a.key", "a.pem", "a.key has no certificate; it has a key: are the two files exchanged?"),
        ("a.pem", "a.pem", "a.pem has no private key; it has a certificate"),
        ("a.pem", "locked.key", "the key in locked.key is encrypted, and a server cannot type"),
        ("a.pem", "old-locked.key", "the key in old-locked.key is encrypted"),
        ("a.der", "a.key", "a.der has no certificate; it looks like DER: `openssl x509"),
        ("a.pem", "key.der", "key.der has no private key; it looks like DER: `openssl pkey"),
        ("empty", "a.key", "empty has no certificate; expected PEM"),
        ("a.pem", "empty", "empty has no private key; expected PEM"),
        ("cut", "a.key", "cut: malformed PEM"),
        ("junk", "a.key", "junk: the first certificate is malformed"),
        ("large", "a.key", "large: it is too large"),
        ("a.pem", "b.key", "the key in b.key does not belong to the first certificate in a.pem"),
    ] {
        let error = error(folder, certificates, key);
        assert!(error.starts_with(expected), "{certificates} {key}: {error}");
    }
}

/// Writes a certificate that is good from `from` days on until `until` days from now.
fn write_dated(folder: &Path, from: i64, until: i64) -> Source {
    let at = |days: i64| {
        let span = Duration::from_secs(days.unsigned_abs() * 24 * 60 * 60);
        if days < 0 { SystemTime::now() - span } else { SystemTime::now() + span }
    };
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = at(from).into();
    params.not_after = at(until).into();
    let key = rcgen::KeyPair::generate().unwrap();
    let (certificates, key_path) = (folder.join("dated.pem"), folder.join("dated.key"));
    fs::write(&certificates, params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(&key_path, key.serialize_pem()).unwrap();
    fs::set_permissions(&key_path, fs::Permissions::from_mode(0o600)).unwrap();
    Source::Files { certificates, key: key_path }
}

#[test]
fn what_clients_will_refuse_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let warnings = |source| Tls::load(source).unwrap().1.warnings;
    let expired = warnings(write_dated(folder.path(), -9, -2));
    assert!(matches!(expired[..], [Warning::Expired { .. }]), "{expired:?}");
    let early = warnings(write_dated(folder.path(), 2, 9));
    assert!(matches!(early[..], [Warning::NotYetValid { .. }]), "{early:?}");
    let good = write_dated(folder.path(), -2, 9);
    assert_eq!(warnings(good.clone()), []);
    let key = folder.path().join("dated.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(warnings(good), [Warning::KeyIsPublic { path: key }]);
}

fn own(folder: Option<PathBuf>, names: &[&str]) -> (String, Vec<Warning>) {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let (_, loaded) = Tls::load(Source::SelfSigned { folder, names }).unwrap();
    (loaded.fingerprint, loaded.warnings)
}

#[test]
fn a_self_signed_certificate_stays_as_long_as_it_will_do() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("data/tls");
    let own = |names: &[&str]| own(Some(folder.clone()), names);
    let (first, warnings) = own(&["localhost", "127.0.0.1"]);
    assert_eq!(warnings, []);
    let file = folder.join("self-signed.pem");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(own(&["localhost", "127.0.0.1"]).0, first);
    assert_eq!(own(&["localhost", "::1"]).0, first, "an address more");
    let (second, _) = own(&["localhost", "anna-laptop"]);
    assert_ne!(second, first, "a name more");
    assert_eq!(own(&["localhost"]).0, second);
    fs::write(&file, "broken").unwrap();
    let (third, _) = own(&["localhost"]);
    assert_ne!(third, second);
    assert_eq!(own(&["localhost"]).0, third);
    let entries = fs::read_dir(&folder).unwrap().count();
    assert_eq!(entries, 1, "nothing temporary is left");
}

#[test]
fn one_that_is_nearly_over_is_made_anew() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let file = folder.join("self-signed.pem");
    let put = |until| {
        write_dated(folder, -2, until);
        let [certificate, key] = ["dated.pem", "dated.key"].map(|name| folder.join(name));
        let text = fs::read_to_string(certificate).unwrap() + &fs::read_to_string(key).unwrap();
        fs::write(&file, &text).unwrap();
        let before = fingerprint(&pem::read_both(&file).unwrap().chain[0]);
        own(Some(folder.to_owned()), &["localhost"]).0 == before
    };
    assert!(put(40));
    assert!(!put(20));
}

#[test]
fn without_a_folder_that_takes_it_it_lives_as_long_as_the_server() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (_, warnings) = own(Some(file.path().to_owned()), &["localhost"]);
    assert!(matches!(warnings[..], [Warning::NotKept { .. }]), "{warnings:?}");
    let (first, warnings) = own(None, &["localhost"]);
    assert_eq!(warnings, []);
    assert_ne!(own(None, &["localhost"]).0, first);
}

#[test]
fn files_that_change_are_loaded_once_they_stay_and_bad_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let source = write_dated(folder.path(), -1, 9);
    let Source::Files { certificates, key } = source.clone() else { unreachable!() };
    let (tls, first) = Tls::load(source).unwrap();
    let mut watch = Watch::new(tls.clone());
    assert!(watch.look(false).is_none());
    write_dated(folder.path(), -1, 10);
    assert!(watch.look(false).is_none(), "it may not be whole yet");
    let second = watch.look(false).unwrap().unwrap();
    assert_ne!(second.fingerprint, first.fingerprint);
    assert_eq!(tls.fingerprint(), second.fingerprint);
    assert!(watch.look(false).is_none(), "once");

    let (good, good_key) = (fs::read(&certificates).unwrap(), fs::read(&key).unwrap());
    fs::write(&certificates, "not a certificate").unwrap();
    assert!(watch.look(false).is_none());
    assert!(matches!(watch.look(false), Some(Err(TlsError::NoCertificate { .. }))));
    assert!(watch.look(false).is_none(), "it is said once");
    assert_eq!(tls.fingerprint(), second.fingerprint, "the old one goes on");
    assert!(watch.look(true).unwrap().is_err(), "or when asked");
    fs::remove_file(&key).unwrap();
    fs::write(&certificates, good).unwrap();
    assert!(watch.look(false).is_none());
    assert!(matches!(watch.look(false), Some(Err(TlsError::Read { .. }))));
    fs::write(&key, good_key).unwrap();
    assert!(watch.look(false).is_none());
    assert_eq!(watch.look(false).unwrap().unwrap().fingerprint, second.fingerprint);
    assert!(watch.look(true).unwrap().is_ok());
}
