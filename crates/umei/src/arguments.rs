//! Command lines that are none.

use std::env::args_os;

use clap::error::ErrorKind;

/// Says what is wrong with the command line and ends.
pub(crate) fn refuse(error: &clap::Error) -> ! {
    if error.kind() == ErrorKind::UnknownArgument && lacks_separator(args_os().skip(1)) {
        // What follows is said to be unexpected, which helps nobody.
        eprintln!("error: the command to run goes after `--`, as in `umei run -- umei info`\n");
    }
    error.exit()
}

/// Whether this is `run` without the `--` that its command goes after.
fn lacks_separator(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> bool {
    arguments.next().is_some_and(|command| command == "run") && !arguments.any(|argument| argument == "--")
}
