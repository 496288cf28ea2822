//! A static-file HTTP server engine.
