//! Send and receive files with verified integrity.
