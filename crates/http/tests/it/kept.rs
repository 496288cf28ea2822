//! What is kept of listings, and of names of which there is nothing, never outlives a change, and
//! is shown to nobody else than the one for whom it was made.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sockeye_http::{Config, Engine, Policy};

use crate::access::{auth, basic};
use crate::harness::{Client, Response, config, folder, start};

/// How often the folder changes in a race.
const CHANGES: usize = 300;

fn ask(client: &mut Client, target: &str, fields: &str) -> Response {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    client.response()
}

/// The names in the text form of the listing of `/sub/`.
fn names(client: &mut Client) -> Vec<String> {
    let response = ask(client, "/sub/?text", "");
    assert_eq!(response.status, 200);
    response.text().lines().map(str::to_owned).collect()
}

/// A folder that gets a file after the other, listed all the time: every listing has all files that
/// were there when it was asked for, and a file that is there is found.
fn race(engine: Engine) {
    let folder = folder();
    let server = start(Config { engine, ..config(folder.path()) });
    let address = server.address;
    let (newest, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let file = |number| format!("f{number}");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = Client::to(address);
                while !over.load(Ordering::SeqCst) {
                    let at_least = newest.load(Ordering::SeqCst);
                    let listed = names(&mut client).len();
                    assert!(listed > at_least, "{listed} after {at_least}");
                }
            });
        }
        let mut client = server.connect();
        let over_at_the_end = Over(&over);
        for number in 1..=CHANGES {
            let target = format!("/sub/{}", file(number));
            for _ in 0..3 {
                assert_eq!(ask(&mut client, &target, "").status, 404, "{target}");
            }
            fs::write(folder.path().join("sub").join(file(number)), "x").unwrap();
            newest.store(number, Ordering::SeqCst);
            assert_eq!(ask(&mut client, &target, "").status, 200, "{target}");
            assert_eq!(names(&mut client).len(), number + 1);
        }
        drop(over_at_the_end);
    });
}

/// Ends the clients of a race, also where it fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_listing_under_load_is_never_old() {
    race(Engine::Own);
}

#[test]
fn nor_is_it_behind_the_other_engine() {
    race(Engine::Hyper);
}

#[test]
fn sizes_and_times_are_those_of_now() {
    let folder = folder();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    let path = folder.path().join("sub/inner.html");
    for size in 0..50 {
        fs::write(&path, "x".repeat(size)).unwrap();
        for round in 0..3 {
            let listed = ask(&mut client, "/sub/?json", "");
            let listed = listed.text().to_owned();
            assert!(listed.contains(&format!("\"size\":{size},")), "{round}: {size}\n{listed}");
        }
    }
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert!(ask(&mut client, "/sub/?json", "").text().contains("\"1970-01-01T00:00:00Z\""));
}

#[test]
fn everybody_sees_their_own_listing() {
    let folder = folder();
    fs::create_dir(folder.path().join("sub/inside")).unwrap();
    let rules = ["anonymous@/:r", "anna:HASH@/sub/inside:r", "bob:HASH@/sub/inner.html:r"];
    let server = start(Config { auth: auth(&rules), ..config(folder.path()) });
    let mut client = server.connect();
    let (anna, bob) = (basic("anna:password"), basic("bob:password"));
    let see =
        |client: &mut Client, fields: &str| ask(client, "/sub/?text", fields).text().to_owned();
    for round in 0..4 {
        assert_eq!(see(&mut client, ""), "", "{round}");
        assert_eq!(see(&mut client, &anna), "inside/\n", "{round}");
        assert_eq!(see(&mut client, &bob), "inner.html\n", "{round}");
    }
    let other = ["anonymous@/:r", "anna:HASH@/sub/inner.html:r", "bob:HASH@/sub/inside:r"];
    server.reload.set(Policy { auth: auth(&other), ..Policy::default() });
    assert_eq!(see(&mut client, &anna), "inner.html\n");
    assert_eq!(see(&mut client, &bob), "inside/\n");
    server.reload.set(Policy::default());
    assert_eq!(see(&mut client, ""), "inside/\ninner.html\n");
}

#[test]
fn an_index_that_comes_takes_the_place_of_the_listing() {
    let folder = folder();
    let server = start(config(folder.path()));
    let mut client = server.connect();
    for _ in 0..3 {
        assert_eq!(names(&mut client), ["inner.html"]);
    }
    fs::write(folder.path().join("sub/index.html"), "<p>new</p>").unwrap();
    assert_eq!(ask(&mut client, "/sub/?text", "").text(), "<p>new</p>");
    fs::remove_file(folder.path().join("sub/index.html")).unwrap();
    assert_eq!(names(&mut client), ["inner.html"]);
}
