//! Ways to cut a stream: what a reader makes of it must not depend on them.

/// `input` whole, byte by byte, and in pieces of 1 to 16 bytes that `seed` sets.
pub(crate) fn divisions(seed: u8, input: &[u8]) -> [Vec<&[u8]>; 3] {
    [vec![input], input.chunks(1).collect(), pieces(seed, input)]
}

/// `input` in pieces of 1 to 16 bytes; one seed always cuts in the same way.
pub(crate) fn pieces(mut seed: u8, input: &[u8]) -> Vec<&[u8]> {
    let mut rest = input;
    let mut all = Vec::new();
    while !rest.is_empty() {
        seed = seed.wrapping_mul(77).wrapping_add(91);
        let length = usize::from(seed >> 4) + 1;
        let (piece, tail) = rest.split_at(length.min(rest.len()));
        all.push(piece);
        rest = tail;
    }
    all
}
