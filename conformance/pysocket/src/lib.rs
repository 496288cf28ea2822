//! The sockets and selectors of `sockeye-socket` as Python types. What is here translates: Python's
//! arguments into the crate's, its results and errors back. It decides nothing about sockets, so
//! that a test of CPython's that passes has passed on the crate.
//!
//! `python/` makes a `_socket` module of it; `run` says how the tests run on it.

mod address;
mod arguments;
mod bytes;
mod descriptor;
mod errors;
mod message;
mod names;
mod selector;
mod signals;
mod socket;

use pyo3::prelude::*;

/// The module that `python/sitecustomize.py` builds on.
#[pymodule]
mod sockeye_pysocket {
    #[pymodule_export]
    use crate::message::{cmsg_len, cmsg_space};
    #[pymodule_export]
    use crate::names::{
        getaddrinfo, gethostbyaddr, gethostbyname, gethostbyname_ex, gethostname, getnameinfo,
        getprotobyname, getservbyname, getservbyport, if_indextoname, if_nameindex, if_nametoindex,
        inet_aton, sethostname,
    };
    #[pymodule_export]
    use crate::selector::Selector;
    #[pymodule_export]
    use crate::socket::{Socket, socketpair};
}
