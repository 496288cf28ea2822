//! Feeding a reader in pieces: what comes out must not depend on where the pieces end.

use std::fmt::Debug;

/// Runs `read` on `input` whole, byte by byte and cut once at every offset, and gives back what it
/// returned. `read` gets the pieces in order; none is empty, so the empty input is no piece.
///
/// # Panics
/// Where any division gives another result than the whole input did.
#[track_caller]
pub fn every_split<T: PartialEq + Debug>(input: &[u8], read: impl Fn(&[&[u8]]) -> T) -> T {
    let whole = read(&pieces(&[input]));
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(read(&bytes), whole, "byte by byte differs from the whole");
    for cut in 1..input.len() {
        let (head, tail) = input.split_at(cut);
        assert_eq!(read(&[head, tail]), whole, "cut at {cut} of {}", input.len());
    }
    whole
}

/// Does what [`every_split`] does, and cuts twice as well: for inputs of a hundred bytes or so,
/// since the work grows with the square of the length.
///
/// # Panics
/// Where any division gives another result than the whole input did.
#[track_caller]
pub fn every_pair_of_cuts<T: PartialEq + Debug>(input: &[u8], read: impl Fn(&[&[u8]]) -> T) -> T {
    let whole = every_split(input, &read);
    for first in 1..input.len() {
        for second in first + 1..input.len() {
            let parts = [&input[..first], &input[first..second], &input[second..]];
            assert_eq!(read(&parts), whole, "cuts at {first} and {second} of {}", input.len());
        }
    }
    whole
}

fn pieces<'a>(all: &[&'a [u8]]) -> Vec<&'a [u8]> {
    all.iter().copied().filter(|piece| !piece.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn every_cut_is_fed_once() {
        let seen = RefCell::new(Vec::new());
        let length = every_split(b"abcd", |parts| {
            seen.borrow_mut().push(parts.iter().map(|part| part.len()).collect::<Vec<_>>());
            parts.concat()
        });
        assert_eq!(length, b"abcd");
        let expected = [vec![4], vec![1, 1, 1, 1], vec![1, 3], vec![2, 2], vec![3, 1]];
        assert_eq!(seen.into_inner(), expected);
    }

    #[test]
    fn nothing_is_fed_of_an_empty_input() {
        assert_eq!(every_split(b"", |parts| parts.len()), 0);
    }

    #[test]
    #[should_panic(expected = "byte by byte differs")]
    fn a_reader_that_minds_the_pieces_is_caught() {
        every_split(b"ab", |parts| parts.len());
    }

    #[test]
    fn both_cuts_move() {
        let runs = RefCell::new(0);
        every_pair_of_cuts(b"abcd", |parts| {
            *runs.borrow_mut() += 1;
            parts.concat()
        });
        assert_eq!(runs.into_inner(), 5 + 3);
    }
}
