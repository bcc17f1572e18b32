//! A log, as it is read from files.

use super::normalise::{Processes, normalise};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

/// Longest file that is read, bytes: a program that asks for ever would fill the memory.
const LONGEST: u64 = 32 << 20;

/// Which calls of a program are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Calls {
    /// All of them: of a program that does the same in each run.
    All,
    /// Those that name this device or a descriptor of it.
    Device(String),
}

/// The calls of a program, thread by thread in the order in which they began, normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Threads that made none of the calls are left out.
    pub threads: Vec<Vec<String>>,
}

impl Log {
    /// Reads the files `PREFIX.PID`.
    ///
    /// # Errors
    /// There is none, or one cannot be read.
    pub fn read(prefix: &Path, calls: &Calls) -> Result<Self> {
        let folder = prefix.parent().context("a prefix has a folder")?;
        let name = prefix.file_name().and_then(|name| name.to_str()).context("a prefix has a name")?;
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let id = entry
                .file_name()
                .to_str()
                .and_then(|file| file.strip_prefix(name)?.strip_prefix('.')?.parse::<u32>().ok());
            if let Some(id) = id {
                let length = entry.metadata()?.len();
                ensure!(length <= LONGEST, "{} is longer than {LONGEST} bytes", entry.path().display());
                let text = fs::read(entry.path()).with_context(|| entry.path().display().to_string())?;
                files.push((id, String::from_utf8_lossy(&text).into_owned()));
            }
        }
        ensure!(!files.is_empty(), "strace has left no {}.PID", prefix.display());
        Ok(Self::new(files, calls))
    }

    /// The log of these processes.
    #[must_use]
    pub fn new(mut files: Vec<(u32, String)>, calls: &Calls) -> Self {
        files.sort();
        let processes = Processes::new(files.iter().map(|(id, _)| *id).collect());
        let lines = |text: &str| -> Vec<String> {
            let wanted = text.lines().filter(|line| calls.include(line));
            wanted.map(|line| normalise(line, &processes)).collect()
        };
        let threads = files.iter().map(|(_, text)| lines(text)).filter(|lines| !lines.is_empty()).collect();
        Self { threads }
    }

    /// How many calls of this name there are.
    #[must_use]
    pub fn count(&self, call: &str) -> usize {
        let is_call = |line: &&String| line.strip_prefix(call).is_some_and(|rest| rest.starts_with('('));
        self.threads.iter().flatten().filter(is_call).count()
    }
}

impl Calls {
    fn include(&self, line: &str) -> bool {
        match self {
            Self::All => true,
            Self::Device(path) => {
                line.contains(&format!("<{path}>"))
                    || line.contains(&format!("(\"{path}\""))
                    || line.contains(&format!(", \"{path}\","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Calls, Log};

    fn log(calls: &Calls) -> Log {
        let first = "openat(AT_FDCWD</tmp>, \"/dev/mei0\", O_RDWR) = 3</dev/mei0>\nread(4<x>, \"see \\\"/dev/mei0\\\"\", 9) = 9\n\
                     stat(\"/dev/mei0\", {}) = 0\nclone() = 1000\n";
        let second = "read(3</dev/mei0>, \"\\x01\", 9) = 1\n";
        let third = "exit(0) = ?\n";
        let files = [(1000, second), (999, first), (1001, third)];
        Log::new(files.map(|(id, text)| (id, text.to_owned())).into(), calls)
    }

    #[test]
    fn threads_stand_in_the_order_in_which_they_began() {
        let log = log(&Calls::All);
        assert_eq!(log.threads.len(), 3);
        assert_eq!(log.threads[0][3], "clone() = PROCESS1");
        assert_eq!((log.count("read"), log.count("rea"), log.count("exit")), (2, 0, 1));
    }

    #[test]
    fn calls_on_the_device_are_those_that_name_it() {
        let log = log(&Calls::Device("/dev/mei0".to_owned()));
        let lengths: Vec<usize> = log.threads.iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1]);
        assert_eq!(log.threads[0][1], "stat(\"/dev/mei0\", {}) = 0");
    }
}
