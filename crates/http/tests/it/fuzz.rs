//! Fuzz corpora replayed, and properties of the same bodies.

#[path = "../../../../fuzz/bodies/http_access.rs"]
mod access;
#[path = "../../../../fuzz/bodies/http_answer.rs"]
mod answers;
#[path = "../../../../fuzz/bodies/http.rs"]
mod requests;
#[path = "../../../../fuzz/bodies/http_writes.rs"]
mod writes;

use proptest::prelude::*;
use sockeye_testkit::replay;

#[test]
fn corpora_replay() {
    replay("http_head", requests::http_head);
    replay("http_target", requests::http_target);
    replay("http_chunked", requests::http_chunked);
    replay("http_connection", requests::http_connection);
    replay("http_auth_rule", access::http_auth_rule);
    replay("http_credentials", access::http_credentials);
    replay("http_accept_encoding", answers::http_accept_encoding);
    replay("http_range", answers::http_range);
    replay("http_precondition", answers::http_precondition);
    replay("http_multipart", writes::http_multipart);
    replay("http_content_range", writes::http_content_range);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_and_near_misses(
        bytes: Vec<u8>,
        line in "(GET|POST)? ?/[ab%2./?#]{0,9}( HTTP/1.[01])?\r?\n",
        fields in "(Host: a\r\n)?(X:[ -~]{0,9}\r?\n)?\r\n",
        target in "\0/[ab%2./?#\\\\]{0,9}",
        rule in "(anna|anonymous|\\PC{0,4})(:|:\\$argon2[a-z0-9=,$+/]{0,40})?@/\\PC{0,9}:(r|w)",
        field in "[Bb]asic [A-Za-z0-9+/=, ]{0,24}",
        codings in "((x-gzip|GZIP|br|zstd|identity|\\*) ?(; ?[qQ]=[012]?[.]?[059]{0,4})? ?,){0,6}",
        form in "\\PC(--Xy[ -]{0,3}\r?\n?(Content-Disposition: form-data; name=[ab;\"]{0,3})?\
                (\r\n){0,3}[ab\r\n-]{0,9}){0,4}(--Xy--)?",
        part in "\\PC(bytes [0-9]{0,20}[-*][0-9]{0,20}/[0-9*]{0,20}|(http://h:1)?/[ab%2./]{0,9})",
        list in "\\PCbytes=[0-9, -]{0,30}",
    ) {
        let near = line + &fields;
        requests::http_head(near.as_bytes());
        requests::http_connection(&bytes);
        requests::http_connection(&[b"\0\x07", near.as_bytes(), near.as_bytes()].concat());
        requests::http_target(&bytes);
        requests::http_target(target.as_bytes());
        access::http_auth_rule(rule.as_bytes());
        access::http_credentials(field.as_bytes());
        answers::http_range(list.as_bytes());
        answers::http_accept_encoding(&bytes);
        answers::http_accept_encoding(codings.as_bytes());
        writes::http_multipart(form.as_bytes());
        writes::http_content_range(part.as_bytes());
    }
}
