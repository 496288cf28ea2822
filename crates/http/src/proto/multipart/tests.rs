//! Forms as browsers and curl write them: whole, byte by byte, at every cut, and broken.

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { head_bytes_max: 200, parts_max: 3 };

/// What a form holds: fields and files with their data put together.
type Parts = Vec<(String, Option<String>, Vec<u8>)>;

fn read(pieces: &[&[u8]], limits: Limits) -> Result<Parts, FormError> {
    let mut form = Multipart::new("Xy", limits);
    let mut parts: Parts = Vec::new();
    let (mut open, mut over) = (false, false);
    let mut take = |form: &mut Multipart| -> Result<(), FormError> {
        while let Some(piece) = form.poll_piece() {
            assert!(!over, "something after the end");
            match piece? {
                Piece::Part { name, file } => {
                    assert!(!std::mem::replace(&mut open, true));
                    parts.push((name, file, Vec::new()));
                }
                Piece::Data(data) => {
                    assert!(open && !data.is_empty());
                    parts.last_mut().expect("a part").2.extend(data);
                }
                Piece::PartEnd => assert!(std::mem::replace(&mut open, false)),
                Piece::End => over = true,
            }
        }
        Ok(())
    };
    for piece in pieces {
        form.handle_received(piece);
        take(&mut form)?;
    }
    form.handle_eof();
    take(&mut form)?;
    assert!(over && !open);
    Ok(parts)
}

fn read_every_way(body: &[u8]) -> Result<Parts, FormError> {
    let whole = read(&[body], LIMITS);
    let single: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(read(&single, LIMITS), whole, "byte by byte");
    for cut in 0..=body.len() {
        assert_eq!(read(&[&body[..cut], &body[cut..]], LIMITS), whole, "cut at {cut}");
    }
    whole
}

const TEXT: &str = "--Xy\r\nContent-Disposition: form-data; name=\"nick\"\r\n\r\nanna\r\n";

#[test]
fn fields_and_files_come_out() {
    let body = format!(
        "{TEXT}--Xy  \r\ncontent-disposition: FORM-DATA; name=file; filename=\"a %22ü\\\".txt\"\r\n\
         Content-Type: text/plain\r\n\r\n\r\n--X\r\n-\r\n\r\n--Xy\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n--Xy--\r\nafter"
    );
    let expected = vec![
        ("nick".into(), None, b"anna".to_vec()),
        ("file".into(), Some("a \"ü\".txt".into()), b"\r\n--X\r\n-\r\n".to_vec()),
        ("file".into(), Some(String::new()), Vec::new()),
    ];
    assert_eq!(read_every_way(body.as_bytes()), Ok(expected.clone()));
    assert_eq!(read_every_way(format!("preamble\r\n{body}").as_bytes()), Ok(expected));
    assert_eq!(read_every_way(b"--Xy--"), Ok(Vec::new()));
}

#[test]
fn a_form_without_its_end_is_an_error() {
    let body = format!("{TEXT}--Xy--");
    for cut in 0..body.len() {
        assert_eq!(read(&[&body.as_bytes()[..cut]], LIMITS), Err(FormError::Cut), "cut at {cut}");
    }
}

#[test]
fn what_is_malformed_or_too_much_is_refused() {
    let cases: [(&str, FormError); 7] = [
        ("--Xyz\r\n\r\n", FormError::Delimiter),
        ("--Xy -\r\n\r\n", FormError::Delimiter),
        ("--Xy\r\n\r\nno head\r\n--Xy--", FormError::Head),
        ("--Xy\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n", FormError::Head),
        ("--Xy\r\nContent-Disposition: form-data; name=\"a\r\n\r\n", FormError::Head),
        ("--Xy\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\n", FormError::Head),
        ("--Xy\r\nContent-Disposition: form-data; name=\"a\" b\r\n\r\n", FormError::Head),
    ];
    for (body, error) in cases {
        assert_eq!(read_every_way(body.as_bytes()), Err(error), "{body:?}");
    }
    let long = format!("--Xy\r\nX: {}\r\nContent-Disp", "x".repeat(200));
    assert_eq!(read_every_way(long.as_bytes()), Err(FormError::Head));
    let many = TEXT.repeat(4) + "--Xy--";
    assert_eq!(read_every_way(many.as_bytes()), Err(FormError::Parts));
}

#[test]
fn the_boundary_is_found_in_the_content_type() {
    assert_eq!(boundary("multipart/form-data; boundary=----WebKit7"), Ok("----WebKit7".into()));
    assert_eq!(boundary("Multipart/Form-Data; x=y; Boundary=\"a b\""), Ok("a b".into()));
    for bad in [
        "multipart/form-data",
        "multipart/mixed; boundary=x",
        "text/plain",
        "",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=a\"b;",
    ] {
        assert_eq!(boundary(bad), Err(FormError::NoBoundary), "{bad:?}");
    }
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    assert_eq!(boundary(&long), Err(FormError::NoBoundary));
}

proptest! {
    #[test]
    fn any_data_comes_through(
        datas in prop::collection::vec(
            prop::collection::vec(prop::sample::select(b"\r\n-Xy\0z".to_vec()), 0..60), 0..3),
        step in 1_usize..40,
    ) {
        prop_assume!(datas.iter().all(|data| find(data, b"--Xy").is_none()));
        let mut body = Vec::new();
        for data in &datas {
            body.extend_from_slice(b"--Xy\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n");
            body.extend_from_slice(data);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--Xy--\r\n");
        let pieces: Vec<&[u8]> = body.chunks(step).collect();
        let expected: Parts = datas.into_iter().map(|data| ("f".into(), None, data)).collect();
        prop_assert_eq!(read(&pieces, LIMITS), Ok(expected));
    }

    #[test]
    fn no_bytes_do_harm(
        words in prop::collection::vec(prop::sample::select(vec![
            "--Xy", "\r\n", "--", "Content-Disposition: form-data; name=\"a\"", "\"", ";", " ",
            "x", "=", "\\",
        ]), 0..40),
        step in 1_usize..20,
    ) {
        let body = words.concat();
        let pieces: Vec<&[u8]> = body.as_bytes().chunks(step).collect();
        prop_assert_eq!(read(&pieces, LIMITS), read(&[body.as_bytes()], LIMITS));
    }
}
