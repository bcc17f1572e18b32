//! A name in `/dev` that is ours to remove.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A name that was made here. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Link {
    path: PathBuf,
    /// Where it must still point to be removed; none for a node.
    target: Option<PathBuf>,
}

impl Link {
    /// Takes charge of a node that was just made.
    pub(super) fn own(path: PathBuf) -> Self {
        Self { path, target: None }
    }

    /// Whether `path` is free, or the link of a server that is dead.
    ///
    /// # Errors
    /// When something else has the name.
    pub(super) fn check(path: &Path, target: &Path) -> Result<()> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error).with_context(|| format!("looking at {}", path.display())),
            Ok(_) if fs::read_link(path).is_ok_and(|there| there == target) => Ok(()),
            Ok(_) => bail!(
                "the name is taken: {path} exists and is not umei's\nremedy: choose another name with --name, or \
                 remove {path} if nothing uses it",
                path = path.display()
            ),
        }
    }

    /// Makes a link to `target`, in place of one that a dead server left.
    pub(super) fn make(path: &Path, target: &Path) -> Result<Self> {
        Self::check(path, target)?;
        match symlink(target, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(error).with_context(|| format!("linking {}", path.display()))
            }
            // Otherwise it points there already.
            _ => Ok(Self { path: path.to_owned(), target: Some(target.to_owned()) }),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let ours = match &self.target {
            Some(target) => fs::read_link(&self.path).is_ok_and(|there| there == *target),
            None => true,
        };
        if ours && let Err(error) = fs::remove_file(&self.path) {
            log::warn!("removing {}: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(test: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("umei-link-{}-{test}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn the_link_of_a_dead_server_is_taken_over_and_removed_in_the_end() {
        let folder = folder("dead");
        let (path, target) = (folder.join("mei0"), folder.join("nothing/mei0"));
        symlink(&target, &path).unwrap();
        let link = Link::make(&path, &target).unwrap();
        drop(link);
        assert!(fs::symlink_metadata(&path).is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_belongs_to_others_stays() {
        let folder = folder("taken");
        let path = folder.join("mei0");
        fs::write(&path, "another's").unwrap();
        let error = Link::make(&path, Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("taken") && error.contains("--name"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
        let own = folder.join("mei1");
        let link = Link::make(&own, Path::new("/nowhere")).unwrap();
        fs::remove_file(&own).unwrap();
        symlink("/elsewhere", &own).unwrap();
        drop(link);
        assert_eq!(fs::read_link(&own).unwrap(), Path::new("/elsewhere"));
        fs::remove_dir_all(folder).unwrap();
    }
}
