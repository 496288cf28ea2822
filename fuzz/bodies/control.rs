//! What must hold for every control buffer.

use sockeye_socket::cmsg::{self, Control, Outgoing, Raw};

/// A plain reader of the layout on 64 bits, in numbers that cannot overflow.
fn plain(input: &[u8]) -> Vec<(i32, i32, &[u8])> {
    let field = |at: usize| i32::from_ne_bytes(input[at..at + 4].try_into().unwrap());
    let total = u128::try_from(input.len()).unwrap();
    let (mut found, mut at) = (Vec::new(), 0_u128);
    while at + 16 <= total {
        let start = usize::try_from(at).unwrap();
        let len = u64::from_ne_bytes(input[start..start + 8].try_into().unwrap());
        if len < 16 {
            break;
        }
        let end = usize::try_from(total.min(at + u128::from(len))).unwrap();
        found.push((field(start + 8), field(start + 12), &input[start + 16..end]));
        at += u128::from(len).div_ceil(8) * 8;
    }
    found
}

/// The messages of a buffer are what the plain reader finds; each is the same bytes after it was
/// typed; encoded again they are found again; a shorter buffer has fewer of them, the last of
/// which is cut.
pub(crate) fn control(input: &[u8]) {
    let found: Vec<_> = cmsg::messages(input).collect();
    assert_eq!(found, plain(input));
    let mut outgoing = Vec::new();
    for (level, kind, data) in &found {
        let (level, kind) = (*level, *kind);
        outgoing.push(Outgoing::Raw { level, kind, data });
        let raw = Raw { level, kind, data: data.to_vec() };
        let typed = Control::from_raw(raw.clone());
        assert!(!matches!(typed, Control::Rights(_) | Control::PidFd(_)), "made of bytes");
        assert!(!format!("{typed:?}").is_empty());
        assert_eq!(typed.into_raw(), raw);
    }
    let encoded = cmsg::encode(&outgoing);
    assert_eq!(encoded.len(), found.iter().map(|one| cmsg::space(one.2.len())).sum::<usize>());
    assert_eq!(cmsg::messages(&encoded).collect::<Vec<_>>(), found);
    for cut in 0..input.len().min(200) {
        let fewer: Vec<_> = cmsg::messages(&input[..cut]).collect();
        assert!(fewer.len() <= found.len());
        let Some((last, whole)) = fewer.split_last() else { continue };
        assert_eq!(whole, &found[..whole.len()]);
        let full = found[whole.len()];
        assert_eq!((last.0, last.1), (full.0, full.1));
        assert!(full.2.starts_with(last.2));
    }
}
