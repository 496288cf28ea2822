//! One machine as the hub of its network.
