//! Folders as one file, judged by the programs that people open them with.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use sockeye_http::{
    Answer, ArchiveFormat, Config, Event, Limits, Listing, Mount, Plan, Request, Status,
};
use sockeye_testkit::{Need, need};

use crate::harness::{PATIENCE, Running, config, folder, pattern, start};

/// Prints the entries of an archive: name, kind, bytes and CRC-32.
const JUDGE: &str = "\
import sys, tarfile, zipfile, zlib, os
sys.stdout = os.fdopen(1, 'w', encoding='utf-8', errors='surrogateescape')
def say(name, folder, data):
    print(name.rstrip('/'), 'folder' if folder else f'{len(data)} {zlib.crc32(data):x}')
path = sys.argv[1]
if zipfile.is_zipfile(path):
    archive = zipfile.ZipFile(path)
    for info in archive.infolist():
        name = info.filename
        if not info.flag_bits & 0x800:
            name = name.encode('cp437').decode('utf-8', 'surrogateescape')
        say(name, info.is_dir(), archive.read(info))
else:
    archive = tarfile.open(path, errorlevel=2)
    for info in archive:
        data = b'' if info.isdir() else archive.extractfile(info).read()
        assert info.isdir() or info.isreg()
        say(info.name, info.isdir(), data)
";

fn long(letter: &str) -> String {
    letter.repeat(200)
}

/// A folder with everything that is hard.
fn hard() -> tempfile::TempDir {
    let root = folder();
    let at = |name: &str| root.path().join("hard").join(name);
    let write = |name: &str, content: &[u8]| std::fs::write(at(name), content).unwrap();
    std::fs::create_dir_all(at("empty folder")).unwrap();
    std::fs::create_dir_all(at(&format!("{}/{}", long("d"), long("e")))).unwrap();
    write("größe.txt", &b"abc".repeat(30_000));
    write("photo.jpg", &pattern(70_000));
    write("nothing", b"");
    write(".hidden", b"secret");
    write(&long("n"), b"a long name");
    write(&format!("{}/{}/ü", long("d"), long("e")), b"a long path");
    std::fs::write(at("").join(OsStr::from_bytes(b"caf\xe9")), b"latin").unwrap();
    symlink("photo.jpg", at("link.jpg")).unwrap();
    symlink("..", at("empty folder/up")).unwrap();
    symlink("/etc/hostname", at("outside")).unwrap();
    let fifo = Command::new("mkfifo").arg(at("fifo")).status().unwrap();
    assert!(fifo.success());
    root
}

fn serve(root: &Path) -> Running {
    start(Config { archives: ArchiveFormat::ALL.to_vec(), ..config(root) })
}

fn line(name: &str, content: &[u8]) -> String {
    format!("{name} {} {:x}\n", content.len(), crc32(content))
}

/// By its definition, bit by bit: not the code that is judged.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// What is to be in the archive of [`hard`].
fn expected() -> String {
    let (d, e, n) = (long("d"), long("e"), long("n"));
    [
        "hard folder\n".to_owned(),
        format!("hard/{d} folder\nhard/{d}/{e} folder\n"),
        line(&format!("hard/{d}/{e}/ü"), b"a long path"),
        "hard/empty folder folder\n".to_owned(),
        line("hard/größe.txt", &b"abc".repeat(30_000)),
        line("hard/link.jpg", &pattern(70_000)),
        line(&format!("hard/{n}"), b"a long name"),
        line("hard/nothing", b""),
        line("hard/photo.jpg", &pattern(70_000)),
    ]
    .concat()
}

fn judge(path: &Path) -> Output {
    Command::new("python3").args(["-c", JUDGE]).arg(path).output().unwrap()
}

#[test]
fn python_finds_everything_and_nothing_else_in_order() {
    if !need(Need::Program("python3")) {
        return;
    }
    let root = hard();
    let server = serve(root.path());
    for format in ArchiveFormat::ALL {
        let response = server.get(&format!("/hard/?{}", format.word()), "");
        assert_eq!((response.status, response.header("content-length")), (200, None));
        assert_eq!(response.header("content-type"), Some(format.media_type()));
        assert_eq!(
            response.header("content-disposition").unwrap(),
            format!("attachment; filename=\"hard.{0}\"; filename*=UTF-8''hard.{0}", format.word())
        );
        let path = root.path().join("archive");
        std::fs::write(&path, &response.body).unwrap();
        let output = judge(&path);
        assert!(output.status.success(), "{output:?}");
        let mut found = output.stdout;
        // The one name that is not UTF-8.
        let odd = line("hard/caf\u{fffd}", b"latin").replace('\u{fffd}', "?").into_bytes();
        let odd: Vec<u8> =
            odd.iter().map(|byte| if *byte == b'?' { 0xe9 } else { *byte }).collect();
        let at = found.windows(odd.len()).position(|part| part == odd).expect("caf\\xe9");
        found.drain(at..at + odd.len());
        assert_eq!(String::from_utf8(found).unwrap(), expected());
    }
}

#[test]
fn unzip_tar_and_bsdtar_accept_them() {
    let root = hard();
    let server = serve(root.path());
    let cases: [(&str, &str, &[&str]); 6] = [
        ("zip", "unzip", &["-tqq"]),
        ("zip", "bsdtar", &["-tf"]),
        ("tar", "tar", &["-tf"]),
        ("tar", "bsdtar", &["-tf"]),
        ("tar.gz", "tar", &["-tzf"]),
        ("tar.gz", "bsdtar", &["-tzf"]),
    ];
    for (word, program, arguments) in cases {
        if !need(Need::Program(program)) {
            continue;
        }
        let path = root.path().join(format!("a.{word}"));
        std::fs::write(&path, server.get(&format!("/hard/?{word}"), "").body).unwrap();
        let output = Command::new(program).args(arguments).arg(&path).output().unwrap();
        assert!(output.status.success(), "{program}: {output:?}");
    }
}

#[test]
fn curl_unpacks_while_it_downloads() {
    if !need(Need::Program("curl")) {
        return;
    }
    let root = hard();
    let server = serve(root.path());
    let into = tempfile::tempdir().unwrap();
    let command = format!(
        "curl -fsS 'http://{}/hard/?tar.gz' | tar -xz -C '{}'",
        server.address,
        into.path().display()
    );
    assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    assert_eq!(std::fs::read(into.path().join("hard/photo.jpg")).unwrap(), pattern(70_000));
    let before = std::fs::metadata(root.path().join("hard/photo.jpg")).unwrap();
    let after = std::fs::metadata(into.path().join("hard/photo.jpg")).unwrap();
    let seconds = |meta: std::fs::Metadata| std::os::unix::fs::MetadataExt::mtime(&meta);
    assert_eq!(seconds(after), seconds(before));
}

#[test]
fn only_what_is_asked_for_and_allowed() {
    let root = folder();
    let archives = vec![ArchiveFormat::Tar];
    let server = start(Config { archives, listing: Listing::Off, ..config(root.path()) });
    // The index file stands for the folder, but not for its archive; nor is that kept for it.
    for _ in 0..3 {
        assert_eq!(server.get("/with-index/?tar", "").header("transfer-encoding"), Some("chunked"));
        assert_eq!(server.get("/with-index/", "").text(), "<p>index</p>");
        assert_eq!(server.get("/with-index/?zip", "").text(), "<p>index</p>");
    }
    assert_eq!(server.get("/?zip", "").status, 404);
    assert_eq!(server.get("/nothing/?tar", "").status, 404);
    assert_eq!(server.get("/.hidden/?tar", "").status, 404);
    assert_eq!(server.get("/hello.txt?tar", "").text(), "hello, world\n");
    assert_eq!(server.get("/sub?tar", "").header("location"), Some("/sub/?tar"));
    assert_eq!(server.get("/sub/?tar", "If-None-Match: *\r\n").status, 304);
    let disposition = "attachment; filename=\"files.tar\"; filename*=UTF-8''files.tar";
    assert_eq!(server.get("/?tar", "").header("content-disposition"), Some(disposition));
    let mut client = server.connect();
    client.send("HEAD /?tar HTTP/1.1\r\nHost: a\r\n\r\nPOST /?tar HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response_to("HEAD").header("content-type"), Some("application/x-tar"));
    assert_eq!(client.response().status, 405);
}

#[test]
fn what_a_gate_keeps_is_not_in_the_archive() {
    if !need(Need::Program("python3")) {
        return;
    }
    let root = folder();
    std::fs::create_dir(root.path().join("sub/private")).unwrap();
    std::fs::write(root.path().join("sub/private/a"), b"secret").unwrap();
    let gate = |request: &Request<'_>| match request.path() {
        path if path.starts_with(b"sub/private") => {
            Answer::Plan(Plan::text(Status::UNAUTHORIZED, "not for you"))
        }
        _ => Answer::Pass,
    };
    let mounts = vec![Mount { prefix: String::new(), handler: Arc::new(gate) }];
    let archives = ArchiveFormat::ALL.to_vec();
    let server = start(Config { archives, mounts, ..config(root.path()) });
    assert_eq!(server.get("/sub/private/?zip", "").status, 401);
    let path = root.path().join("archive");
    std::fs::write(&path, server.get("/sub/?zip", "").body).unwrap();
    let expected = "sub folder\n".to_owned() + &line("sub/inner.html", b"<p>inner</p>");
    assert_eq!(String::from_utf8(judge(&path).stdout).unwrap(), expected);
}

#[test]
fn a_file_that_becomes_shorter_cuts_the_archive() {
    let root = folder();
    let path = root.path().join("sub/large.mp4");
    for format in ArchiveFormat::ALL {
        // Noise, so that it is as long when it is compressed.
        let mut state = 1u32;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        });
        std::fs::write(&path, noise.take(30_000_000).collect::<Vec<u8>>()).unwrap();
        let server = serve(root.path());
        let mut client = server.connect();
        client.send(format!("GET /sub/?{} HTTP/1.1\r\nHost: a\r\n\r\n", format.word()));
        client.wait();
        std::fs::File::options().write(true).open(&path).unwrap().set_len(1000).unwrap();
        assert!(!client.rest().ends_with(b"\r\n0\r\n\r\n"));
        let event = server.events.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(event, Event::Cut { .. }), "{event:?}");
    }
}

#[test]
fn too_much_is_no_archive() {
    let root = folder();
    let limits = Limits { archive_entries_max: 4, ..Limits::default() };
    let archives = ArchiveFormat::ALL.to_vec();
    let server = start(Config { archives, limits, ..config(root.path()) });
    std::fs::create_dir_all(root.path().join("some/a")).unwrap();
    std::fs::create_dir_all(root.path().join("some/b/c")).unwrap();
    assert_eq!(server.get("/some/?zip", "").status, 200);
    std::fs::write(root.path().join("some/b/d"), b"").unwrap();
    assert_eq!(server.get("/some/?zip", "").status, 500);
    let server = serve(root.path());
    std::fs::create_dir_all(root.path().join("deep").join("d/".repeat(63))).unwrap();
    assert_eq!(server.get("/deep/?zip", "").status, 200);
    std::fs::create_dir_all(root.path().join("deep").join("d/".repeat(64))).unwrap();
    assert_eq!(server.get("/deep/?zip", "").status, 500);
}

#[test]
fn more_entries_than_16_bits_can_count() {
    if !need(Need::Program("python3")) || !need(Need::Program("unzip")) {
        return;
    }
    let root = folder();
    std::fs::create_dir(root.path().join("many")).unwrap();
    for index in 0..66_000 {
        std::fs::write(root.path().join(format!("many/{index}")), b"").unwrap();
    }
    let server = serve(root.path());
    let path = root.path().join("many.zip");
    std::fs::write(&path, server.get("/many/?zip", "").body).unwrap();
    assert_eq!(judge(&path).stdout.split(|byte| *byte == b'\n').count(), 66_002);
    let output = Command::new("unzip").arg("-tqq").arg(&path).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
