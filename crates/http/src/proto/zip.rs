//! What a ZIP file is made of, where it is written from front to end: lengths and sums of an entry
//! stand behind its data, and again in the directory at the end.
//!
//! ```text
//! file       = *( local-head data [ descriptor ] ) *central-head [ end64 locator64 ] end
//! ```
//! An entry of nearly 4 GiB or more has 64-bit lengths (ZIP64), others have not, so that old
//! programs read them too. Names are bytes; they are marked as UTF-8 where they are. Times are UTC.
//!
//! # Source
//! PKWARE APPNOTE.TXT 6.3.10, sections 4.3 to 4.5; Info-ZIP's extra field 0x5455 for times.

use super::date;

/// An entry from here on gets 64-bit lengths. Deflate makes nothing longer by a sixteenth.
pub const LARGE_BYTES_MIN: u64 = 0xf000_0000;
/// In a 32-bit field: the value is in the ZIP64 field.
const IN_ZIP64: u32 = u32::MAX;
const IS_STREAMED: u16 = 1 << 3;
const IS_UTF8: u16 = 1 << 11;
/// Made by version 4.5 on Unix.
const MADE_BY: u16 = 3 << 8 | 45;
const TIMES: u16 = 0x5455;
const ZIP64: u16 = 1;

/// How an entry's data are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder, which has none.
    Folder,
    /// As they are.
    Stored,
    /// Deflated.
    Deflated,
}

/// What is known of an entry before its data are read.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its path, with `/` between the parts; of a folder with one at the end.
    pub name: &'a [u8],
    /// How its data are kept.
    pub kind: Kind,
    /// Seconds since 1970 of the last change.
    pub modified: i64,
    /// Whether it has 64-bit lengths.
    pub is_large: bool,
}

/// What is known after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// CRC-32 of the data.
    pub crc32: u32,
    /// Bytes of the data in the archive.
    pub packed: u64,
    /// Bytes of the data.
    pub size: u64,
}

impl Entry<'_> {
    /// What stands before the data.
    pub fn local_head(&self) -> Vec<u8> {
        let mut out = b"PK\x03\x04".to_vec();
        self.push_start(&mut out);
        let size = if self.is_large { IN_ZIP64 } else { 0 };
        push32(&mut out, [0, size, size]);
        let mut extra = Vec::new();
        if self.is_large {
            push16(&mut extra, [ZIP64, 16]);
            push64(&mut extra, [0, 0]);
        }
        self.push_times(&mut extra);
        push16(&mut out, [length(self.name), length(&extra)]);
        [out.as_slice(), self.name, &extra].concat()
    }

    /// What stands after the data; nothing for a folder.
    pub fn descriptor(&self, sums: Sums) -> Vec<u8> {
        let mut out = Vec::new();
        if self.kind != Kind::Folder {
            out.extend_from_slice(b"PK\x07\x08");
            push32(&mut out, [sums.crc32]);
            match self.is_large {
                true => push64(&mut out, [sums.packed, sums.size]),
                false => push32(&mut out, [narrow(sums.packed), narrow(sums.size)]),
            }
        }
        out
    }

    /// What stands in the directory; the local head is at `offset`.
    pub fn central_head(&self, sums: Sums, offset: u64) -> Vec<u8> {
        let wide: Vec<u64> = [sums.size, sums.packed, offset]
            .into_iter()
            .filter(|value| narrow(*value) == IN_ZIP64)
            .collect();
        let mut extra = Vec::new();
        if !wide.is_empty() {
            push16(&mut extra, [ZIP64, 8 * u16::try_from(wide.len()).unwrap_or(0)]);
            wide.iter().for_each(|value| push64(&mut extra, [*value]));
        }
        self.push_times(&mut extra);
        let mut out = b"PK\x01\x02".to_vec();
        push16(&mut out, [MADE_BY]);
        self.push_start(&mut out);
        push32(&mut out, [sums.crc32, narrow(sums.packed), narrow(sums.size)]);
        // No comment; the first disk; data that are not known to be text.
        push16(&mut out, [length(self.name), length(&extra), 0, 0, 0]);
        let (mode, folder) = match self.kind {
            Kind::Folder => (0o040_755, 0x10),
            Kind::Stored | Kind::Deflated => (0o100_644, 0),
        };
        push32(&mut out, [mode << 16 | folder, narrow(offset)]);
        [out.as_slice(), self.name, &extra].concat()
    }

    /// What both heads have: version, flags, method, time and date.
    fn push_start(&self, out: &mut Vec<u8>) {
        let is_text = !self.name.is_ascii() && std::str::from_utf8(self.name).is_ok();
        let streamed = if self.kind == Kind::Folder { 0 } else { IS_STREAMED };
        let method = if self.kind == Kind::Deflated { 8 } else { 0 };
        let version = if self.is_large { 45 } else { 20 };
        let [time, date] = dos_time(self.modified);
        push16(out, [version, streamed | if is_text { IS_UTF8 } else { 0 }, method, time, date]);
    }

    fn push_times(&self, extra: &mut Vec<u8>) {
        if let Ok(modified) = i32::try_from(self.modified) {
            push16(extra, [TIMES, 5]);
            extra.push(1);
            extra.extend_from_slice(&modified.to_le_bytes());
        }
    }
}

/// What stands at the end: of `entries` entries, whose directory is at `offset` and `bytes` long.
pub fn end(entries: u64, offset: u64, bytes: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let count = u16::try_from(entries).unwrap_or(u16::MAX);
    if count == u16::MAX || [offset, bytes].iter().any(|value| narrow(*value) == IN_ZIP64) {
        out.extend_from_slice(b"PK\x06\x06");
        push64(&mut out, [44]);
        push16(&mut out, [MADE_BY, 45]);
        push32(&mut out, [0, 0]);
        push64(&mut out, [entries, entries, bytes, offset]);
        out.extend_from_slice(b"PK\x06\x07");
        push32(&mut out, [0]);
        push64(&mut out, [offset + bytes]);
        push32(&mut out, [1]);
    }
    out.extend_from_slice(b"PK\x05\x06");
    push16(&mut out, [0, 0, count, count]);
    push32(&mut out, [narrow(bytes), narrow(offset)]);
    push16(&mut out, [0]);
    out
}

/// Time and date as DOS had them: from 1980 to 2107, in steps of two seconds.
fn dos_time(seconds: i64) -> [u16; 2] {
    let [year, month, day, hour, minute, second] =
        date::numbers(u64::try_from(seconds).unwrap_or(0));
    match year {
        ..1980 => [0, 1 << 5 | 1],
        1980..2108 => {
            [hour << 11 | minute << 5 | (second / 2), (year - 1980) << 9 | month << 5 | day]
        }
        _ => [23 << 11 | 59 << 5 | 29, 127 << 9 | 12 << 5 | 31],
    }
}

/// The value of a 32-bit field: itself, or that it stands elsewhere.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(IN_ZIP64)
}

/// Names and extra fields are short: who walks the folder bounds the depth.
fn length(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX)
}

fn push16<const N: usize>(out: &mut Vec<u8>, values: [u16; N]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

fn push32<const N: usize>(out: &mut Vec<u8>, values: [u32; N]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

fn push64<const N: usize>(out: &mut Vec<u8>, values: [u64; N]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_dos() {
        for (seconds, expected) in [
            (-1, [0, 0x21]),
            (0, [0, 0x21]),
            // 1994-11-06 08:49:37
            (784_111_777, [8 << 11 | 49 << 5 | 18, 14 << 9 | 11 << 5 | 6]),
            (i64::MAX, [23 << 11 | 59 << 5 | 29, 127 << 9 | 12 << 5 | 31]),
        ] {
            assert_eq!(dos_time(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn only_what_is_wide_is_in_the_wide_field() {
        let entry = Entry { name: b"a", kind: Kind::Stored, modified: i64::MAX, is_large: true };
        let sums = |packed, size| Sums { crc32: 7, packed, size };
        for (sums, offset, wide) in [
            (sums(1, 2), 3, &[][..]),
            (sums(1, 2), 1 << 32, &[1 << 32][..]),
            (sums(1, 0xffff_ffff), 3, &[0xffff_ffff]),
            (sums(1 << 33, 1 << 34), 1 << 35, &[1 << 34, 1 << 33, 1 << 35]),
        ] {
            let head = entry.central_head(sums, offset);
            let mut expected = Vec::new();
            if !wide.is_empty() {
                push16(&mut expected, [1, u16::try_from(8 * wide.len()).unwrap()]);
                wide.iter().for_each(|value| push64(&mut expected, [*value]));
            }
            assert_eq!(head[47..], expected, "{sums:?} at {offset}");
        }
        assert_eq!(end(65_534, 9, 9).len(), 22);
        assert_eq!(end(65_535, 9, 9).len(), 22 + 56 + 20);
        assert_eq!(end(1, 0xffff_ffff, 9).len(), 22 + 56 + 20);
    }
}
