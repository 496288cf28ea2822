//! What every listener and every stranger's input needs: listen addresses, connection caps,
//! contained file access, and text that is safe to show.
//!
//! Rule: no word of any engine in here.

pub mod caps;
pub mod listen;
pub mod printable;
pub mod tree;

pub use printable::Printable;
