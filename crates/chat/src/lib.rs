//! Chat rooms for nc and friends.
