//! Text that is compressed when it is asked for, and what is kept of it for the next who asks.
//!
//! Rules:
//! 1. What is kept is named by path, entity tag and coding, so it is never of another file, of an
//!    older one, or in another coding.
//! 2. Bytes and the work at once are bounded. Where no place is free the file goes out as it is.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::proto::coding::Coding;

/// A file below this is not worth it: its answer is one packet in any case.
pub(crate) const BYTES_MIN: u64 = 256;
/// What an entry costs beside its bytes and its path.
const ENTRY_BYTES: usize = 256;
/// How hard each coder tries: about as long as sending the file over 100 Mbit/s takes.
const BROTLI_QUALITY: i32 = 5;
const BROTLI_WINDOW_BITS: i32 = 20;
const ZSTD_LEVEL: i32 = 6;

/// Which bytes these are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The path from the root.
    pub(crate) path: Vec<u8>,
    /// The entity tag of the file as it is.
    pub(crate) etag: String,
    /// The coding.
    pub(crate) coding: Coding,
}

/// Compresses, and keeps.
#[derive(Debug)]
pub(crate) struct Packer {
    kept: Mutex<Kept>,
    places: Arc<Semaphore>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Kept {
    entries: HashMap<Key, Entry>,
    bytes: usize,
    /// Counts the uses.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    bytes: Arc<[u8]>,
    last_use: u64,
}

impl Packer {
    /// Keeps at most `bytes_max`, and works on `places` files at once.
    pub(crate) fn new(bytes_max: usize, places: usize) -> Packer {
        let places = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Packer { kept: Mutex::default(), places, bytes_max }
    }

    /// What is kept under `key`.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<[u8]>> {
        let mut kept = self.lock();
        kept.uses += 1;
        let uses = kept.uses;
        let entry = kept.entries.get_mut(key)?;
        entry.last_use = uses;
        Some(Arc::clone(&entry.bytes))
    }

    /// A place to work in, where one is free.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Compresses the `size` bytes of `file`, and keeps what comes out. Blocks.
    ///
    /// # Errors
    /// The file cannot be read that far.
    pub(crate) fn pack(&self, key: Key, file: &File, size: usize) -> io::Result<Arc<[u8]>> {
        let mut content = Vec::with_capacity(size);
        // Read by offset: others may send from the same descriptor.
        Reader { file, offset: 0 }
            .take(u64::try_from(size).unwrap_or(0))
            .read_to_end(&mut content)?;
        if content.len() < size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let bytes: Arc<[u8]> = pack(&content, key.coding)?.into();
        self.lock().insert(key, Arc::clone(&bytes), self.bytes_max);
        Ok(bytes)
    }

    /// A thread that panicked left it whole.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Keeps `bytes`; what was used longest ago makes room.
    fn insert(&mut self, key: Key, bytes: Arc<[u8]>, bytes_max: usize) {
        let cost = cost(&key, &bytes);
        if cost > bytes_max || self.entries.contains_key(&key) {
            return;
        }
        while self.bytes + cost > bytes_max {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.last_use);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            if let Some(entry) = self.entries.remove(&oldest) {
                self.bytes -= self::cost(&oldest, &entry.bytes);
            }
        }
        self.bytes += cost;
        self.uses += 1;
        self.entries.insert(key, Entry { bytes, last_use: self.uses });
    }
}

fn cost(key: &Key, bytes: &[u8]) -> usize {
    ENTRY_BYTES + key.path.len() + key.etag.len() + bytes.len()
}

/// `content` in `coding`.
fn pack(content: &[u8], coding: Coding) -> io::Result<Vec<u8>> {
    match coding {
        Coding::Gzip => {
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            packed.write_all(content)?;
            packed.finish()
        }
        Coding::Zstd => zstd::bulk::compress(content, ZSTD_LEVEL),
        Coding::Brotli => {
            let mut packed = Vec::new();
            let params = brotli::enc::BrotliEncoderParams {
                quality: BROTLI_QUALITY,
                lgwin: BROTLI_WINDOW_BITS,
                size_hint: content.len(),
                ..Default::default()
            };
            brotli::BrotliCompress(&mut &*content, &mut packed, &params)?;
            Ok(packed)
        }
    }
}

/// Reads a file without moving its position.
struct Reader<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = std::os::unix::fs::FileExt::read_at(self.file, buffer, self.offset)?;
        self.offset += u64::try_from(count).unwrap_or(0);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, coding: Coding) -> Key {
        Key { path: name.into(), etag: "\"1\"".to_owned(), coding }
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let one = cost(&key("a", Coding::Gzip), &[0; 100]);
        let packer = Packer::new(3 * one, 1);
        let insert = |name: &str| {
            let bytes = [0; 100].into();
            packer.lock().insert(key(name, Coding::Gzip), bytes, packer.bytes_max);
        };
        for name in ["a", "b", "c"] {
            insert(name);
        }
        assert!(packer.get(&key("a", Coding::Gzip)).is_some());
        assert!(packer.get(&key("a", Coding::Zstd)).is_none());
        insert("d");
        let kept = ["a", "b", "c", "d"].map(|name| packer.get(&key(name, Coding::Gzip)).is_some());
        assert_eq!(kept, [true, false, true, true]);
        assert_eq!(packer.lock().bytes, 3 * one);
        packer.lock().insert(key("x", Coding::Gzip), vec![0; 4 * one].into(), packer.bytes_max);
        assert_eq!(packer.lock().bytes, 3 * one);
    }

    #[test]
    fn places_are_bounded() {
        let packer = Packer::new(0, 1);
        let place = packer.place();
        assert!(place.is_some() && packer.place().is_none());
        drop(place);
        assert!(packer.place().is_some());
    }
}
