//! Carries the calls of programs to a host: calls to requests, requests to replies, and the one loop.
