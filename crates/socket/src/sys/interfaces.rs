//! Network interfaces by name and number.

use std::ffi::{CStr, c_char};
use std::io;

use super::lookup::text;

/// Frees the list, whatever happens between.
struct List(*mut libc::if_nameindex);

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: the pointer came from if_nameindex, is not null, and is freed once.
        unsafe { libc::if_freenameindex(self.0) };
    }
}

/// Every interface: its index and its name.
pub(crate) fn if_nameindex() -> io::Result<Vec<(u32, String)>> {
    // SAFETY: it takes nothing and gives a list of its own.
    let first = unsafe { libc::if_nameindex() };
    if first.is_null() {
        return Err(io::Error::last_os_error());
    }
    let list = List(first);
    let mut found = Vec::new();
    let mut entry = list.0;
    loop {
        // SAFETY: the list ends with an entry whose index is 0 and whose name is null.
        let (index, name) = unsafe { ((*entry).if_index, text((*entry).if_name)) };
        match name {
            Some(name) if index != 0 => found.push((index, name)),
            _ => return Ok(found),
        }
        // SAFETY: the entry was not the last.
        entry = unsafe { entry.add(1) };
    }
}

/// The index of an interface by its name, or the errno.
pub(crate) fn index_of_interface(name: &CStr) -> Result<u32, i32> {
    // SAFETY: the name is a valid C string for the time of the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(errno()),
        index => Ok(index),
    }
}

/// The name of an interface by its index, or the errno.
pub(crate) fn name_of_interface(index: u32) -> Result<String, i32> {
    let mut name = [0_u8; libc::IF_NAMESIZE];
    let buffer = name.as_mut_ptr().cast::<c_char>();
    // SAFETY: the buffer has the IF_NAMESIZE bytes that the call wants, and lives through it.
    if unsafe { libc::if_indextoname(index, buffer) }.is_null() {
        return Err(errno());
    }
    let name = CStr::from_bytes_until_nul(&name).map_err(|_| libc::ENXIO)?;
    Ok(name.to_string_lossy().into_owned())
}

fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or_default()
}
