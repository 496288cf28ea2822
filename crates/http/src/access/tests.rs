//! Which rule counts, for whom, and what is known of a password.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::policy::Policy;

/// `password`, and `other`, as cheap as can be.
const HASH: &str =
    "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$FqGkmHNGCd0BRW2kBt6fPZ2pPmyGwwChL8FGUhTOSSI";

fn auth(rules: &[&str]) -> Result<Auth, AuthError> {
    let rules = rules.iter().map(|rule| rule.replace("HASH", HASH).parse());
    Auth::new(&rules.collect::<Result<Vec<_>, _>>()?)
}

fn credentials(user: &str, password: &str) -> Credentials {
    let coded = STANDARD.encode(format!("{user}:{password}"));
    Credentials::basic(format!("Basic {coded}").as_bytes()).unwrap()
}

/// `+` allowed, `?` unauthorized, `-` forbidden: reading, then writing.
fn may(auth: &Auth, user: Option<&str>, path: &str) -> String {
    let user = user.map(|name| auth.named(name).unwrap().0);
    [Need::Read, Need::Write]
        .map(|need| match auth.judge(need, path.as_bytes(), user) {
            Judgement::Allowed => '+',
            Judgement::Unauthorized => '?',
            Judgement::Forbidden => '-',
        })
        .iter()
        .collect()
}

#[test]
fn the_longest_path_counts() {
    let rules = [
        "anna:HASH@/:rw",
        "anonymous@/:r",
        "anna@/private:rw",
        "bob:HASH@/private:r",
        "bob@/private/bob:w",
        "anonymous@/private/open:rw",
    ];
    let auth = auth(&rules).unwrap();
    for (path, nobody, anna, bob) in [
        ("", "+?", "++", "+-"),
        ("x/y", "+?", "++", "+-"),
        ("private", "??", "++", "+-"),
        ("private/x", "??", "++", "+-"),
        ("privates", "+?", "++", "+-"),
        ("private/bob", "-?", "--", "-+"),
        ("private/bob/x", "-?", "--", "-+"),
        ("private/open/x", "++", "++", "++"),
        ("Private", "+?", "++", "+-"),
    ] {
        assert_eq!(may(&auth, None, path), nobody, "nobody at /{path}");
        assert_eq!(may(&auth, Some("anna"), path), anna, "anna at /{path}");
        assert_eq!(may(&auth, Some("bob"), path), bob, "bob at /{path}");
    }
}

#[test]
fn without_a_rule_everybody_reads_and_nobody_writes() {
    let auth = auth(&["anna:HASH@/private:rw"]).unwrap();
    assert_eq!(may(&auth, None, "x"), "+-");
    assert_eq!(may(&auth, Some("anna"), "x"), "+-");
    assert_eq!(may(&auth, None, "private"), "??");
}

#[test]
fn rules_that_contradict_each_other_are_refused() {
    let other = HASH.replace("$FqGk", "$GqGk");
    for (rules, why) in [
        (["anna@/:r", "bob:HASH@/:r"], "no rule says the hash of anna"),
        (["anna:HASH@/:r", &format!("anna:{other}@/x:r")], "different hashes of anna"),
        (["anna:HASH@/x:r", "anna@/x/:w"], "two rules are about anna at /x"),
        (["anonymous@/:r", "anonymous:@/:rw"], "two rules are about anonymous at /"),
    ] {
        let error = auth(&rules).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    assert!(auth(&["anna:HASH@/:r", "anna:HASH@/x:r"]).is_ok());
    assert_eq!(may(&auth(&[]).unwrap(), None, "x"), "+-");
}

#[test]
fn a_right_password_is_known_for_a_while() {
    let auth = auth(&["anna:HASH@/:r", "bob:HASH@/:r"]).unwrap();
    let (right, now) = (credentials("anna", "password"), Instant::now());
    assert!(auth.is_slow());
    assert_eq!(auth.known(&right, now), None);
    for (user, password) in [("anna", "Password"), ("anna", ""), ("nobody", "password"), ("", "")] {
        assert_eq!(auth.check(&credentials(user, password), now), None, "{user}");
    }
    assert_eq!(auth.known(&right, now), None, "a wrong one makes nothing known");
    let anna = auth.check(&right, now);
    assert_eq!(anna, auth.named("anna").map(|(id, _)| id));
    assert_eq!(auth.known(&right, now), anna);
    assert_eq!(auth.known(&credentials("anna", "passwort"), now), None);
    assert_eq!(auth.known(&credentials("bob", "password"), now), None, "of anna alone");
    let later = now + KNOWN_FOR;
    assert_eq!(auth.known(&right, later - Duration::from_secs(2)), anna);
    assert_eq!(auth.known(&right, later), None);
    assert_eq!(auth.check(&right, later), anna);
    assert_eq!(auth.known(&right, later), anna);
}

#[test]
fn what_was_checked_by_other_rules_makes_nobody_known() {
    let before = Arc::new(auth(&["anna:HASH@/a:r", "bob:HASH@/b:r"]).unwrap());
    let user = before.check(&credentials("bob", "password"), Instant::now()).unwrap();
    let known = Known { auth: Arc::clone(&before), user };
    let visitor = |auth: Arc<Auth>| {
        let policy = Arc::new(Policy { auth: Some(auth), ..Policy::default() });
        Visitor::anybody(policy).checked(&known)
    };
    assert!(visitor(before).may(Need::Read, b"b"));
    let after = Arc::new(auth(&["zoe:HASH@/b:r", "bob:HASH@/a:r"]).unwrap());
    let visitor = visitor(after);
    assert!(!visitor.may(Need::Read, b"a") && !visitor.may(Need::Read, b"b"));
}

#[test]
fn one_password_for_everything_and_any_name() {
    let auth = Auth::password("grün: x");
    let now = Instant::now();
    assert!(!auth.is_slow());
    assert_eq!(auth.known(&credentials("anna", "grün: x"), now), Some(UserId(0)));
    assert_eq!(auth.known(&credentials("", "grün: x"), now), Some(UserId(0)));
    assert_eq!(auth.known(&credentials("anna", "grün:"), now), None);
    assert_eq!(may(&auth, None, "a/b"), "??");
    assert_eq!(may(&auth, Some("anna"), "a/b"), "++");
}

#[test]
fn methods_that_are_not_known_to_read_write() {
    for method in [Method::Get, Method::Head, Method::Options] {
        assert_eq!(Need::of(method), Need::Read);
    }
    let writing =
        [Method::Put, Method::Post, Method::Patch, Method::Delete, Method::Trace, Method::Other];
    for method in writing {
        assert_eq!(Need::of(method), Need::Write);
    }
}

/// The rule that counts, found by trying every prefix from the longest.
fn counts<'a>(
    rules: &'a [(String, Option<bool>, Rights)],
    path: &str,
) -> Vec<&'a (String, Option<bool>, Rights)> {
    let mut prefix = path;
    loop {
        let here: Vec<_> = rules.iter().filter(|(place, ..)| place == prefix).collect();
        if !here.is_empty() || prefix.is_empty() {
            return here;
        }
        prefix = prefix.rsplit_once('/').map_or("", |(before, _)| before);
    }
}

proptest! {
    #[test]
    fn rights_are_those_of_the_longest_prefix(
        places in proptest::collection::btree_map(
            ("[ab](/[ab]){0,2}|", proptest::option::of(any::<bool>())), 0..3_usize, 0..8),
        path in "[ab](/[ab]){0,3}|",
    ) {
        let rights = ["r", "w", "rw"];
        let rules: Vec<_> = places
            .into_iter()
            .map(|((place, user), index)| (place, user, rights[index].parse::<Rights>().unwrap()))
            .collect();
        let name = |user: &Option<bool>| match user {
            None => "anonymous",
            Some(false) => "anna:HASH",
            Some(true) => "bob:HASH",
        };
        let text: Vec<String> = rules
            .iter()
            .map(|(place, user, rights)| format!("{}@/{place}:{rights}", name(user)))
            .collect();
        let mut text: Vec<&str> = text.iter().map(String::as_str).collect();
        // Both have to be there, to be asked about.
        text.extend(["anna:HASH@/none:r", "bob:HASH@/none:r"]);
        let auth = auth(&text).unwrap();
        let here = counts(&rules, &path);
        for (user, is) in [(None, None), (Some("anna"), Some(false)), (Some("bob"), Some(true))] {
            let id = user.map(|name| auth.named(name).unwrap().0);
            for need in [Need::Read, Need::Write] {
                let has = |rule: &&(String, Option<bool>, Rights)| {
                    (rule.1.is_none() || rule.1 == is) && rule.2.has(need)
                };
                let expected = match here.is_empty() {
                    true => need == Need::Read,
                    false => here.iter().copied().any(|rule| has(&rule)),
                };
                let judged = auth.judge(need, path.as_bytes(), id);
                prop_assert_eq!(judged == Judgement::Allowed, expected);
            }
        }
    }
}
