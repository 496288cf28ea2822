//! What every listener and every stranger's input needs.
