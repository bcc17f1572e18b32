//! Whose path it is.

use crate::engine::Recorder;
use crate::raw::Raw;
use crate::{Served, fresh_path};
use mei_vfio_user::{BindError, Lifetime, Options, Server};
use std::os::unix::net::UnixListener;

fn bind(path: &std::path::Path) -> Result<Server<Recorder>, BindError> {
    Server::bind(path, Recorder::new().0, Options::default())
}

#[test]
fn a_living_server_keeps_its_path() {
    let served = Served::new();
    let error = bind(served.path()).unwrap_err();
    assert!(matches!(error, BindError::InUse(_)), "{error}");
    Raw::greet(served.path());
    served.stop();
}

#[test]
fn the_socket_of_a_dead_server_is_replaced() {
    let path = fresh_path();
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let server = bind(&path).unwrap();
    assert!(path.exists());
    drop(server);
    assert!(!path.exists());
}

#[test]
fn what_is_not_a_socket_is_left_alone() {
    let path = fresh_path();
    std::fs::write(&path, "letters").unwrap();
    let error = bind(&path).unwrap_err();
    assert!(matches!(error, BindError::NotASocket(_)), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"letters");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_path_that_changed_hands_is_not_removed() {
    let path = fresh_path();
    let server = bind(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    drop(server);
    assert!(path.exists());
    drop(other);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn errors_name_the_path_and_the_remedy() {
    let error = bind("/nowhere/at/all.sock".as_ref()).unwrap_err().to_string();
    assert_eq!(error, "/nowhere/at/all.sock: there is no directory /nowhere/at; create it");
    let long = format!("/tmp/{}", "x".repeat(200));
    let error = bind(long.as_ref()).unwrap_err();
    assert!(matches!(error, BindError::TooLong(_)), "{error}");
}

#[test]
fn a_server_for_one_monitor_ends_with_it_and_not_with_whoever_looks_in() {
    let mut served = Served::with(Options { lifetime: Lifetime::OneMonitor, ..Options::default() });
    drop(Raw::connect(served.path()));
    let raw = Raw::greet(served.path());
    drop(raw);
    served.thread.take().unwrap().join().unwrap().unwrap();
    assert!(!served.path().exists());
}
