//! Kernel modules and what they depend on.

use crate::fetch;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Where each module of the kernel is, by its name as the kernel writes it.
fn index(folder: &Path, found: &mut Vec<(String, PathBuf)>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            index(&path, found)?;
        } else {
            found.extend(named(path));
        }
    }
    Ok(())
}

/// A module's file with the module's name.
fn named(path: PathBuf) -> Option<(String, PathBuf)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".ko")?.replace('-', "_");
    Some((name, path))
}

/// These modules and all that they depend on, each after those it needs; `rebuilt` ones go before the kernel's of the
/// same name.
pub(super) fn with_dependencies(names: &[&str], rebuilt: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found: Vec<_> = rebuilt.iter().filter_map(|path| named(path.clone())).collect();
    index(&fetch::modules()?, &mut found)?;
    let mut ordered = Vec::new();
    for name in names {
        add(name, &found, &mut ordered)?;
    }
    Ok(ordered)
}

fn add(name: &str, found: &[(String, PathBuf)], ordered: &mut Vec<PathBuf>) -> Result<()> {
    let (_, path) = found
        .iter()
        .find(|(known, _)| *known == name.replace('-', "_"))
        .with_context(|| format!("the kernel has no module {name}"))?;
    if ordered.contains(path) {
        return Ok(());
    }
    for needed in dependencies(&fs::read(path)?) {
        add(&needed, found, ordered)?;
    }
    ordered.push(path.clone());
    Ok(())
}

/// The modules that a module names as its dependencies: the string `depends=A,B` of its information section.
fn dependencies(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(start) = module.windows(KEY.len()).position(|window| window == KEY) else { return Vec::new() };
    let value = &module[start + KEY.len()..];
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    let value = String::from_utf8_lossy(&value[..end]);
    value.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::dependencies;

    #[test]
    fn dependencies_are_read_from_the_information_section() {
        assert_eq!(dependencies(b"x\0license=GPL\0depends=mei,uio\0name=y\0"), ["mei", "uio"]);
        assert_eq!(dependencies(b"x\0depends=\0name=y\0"), [""; 0]);
        assert_eq!(dependencies(b"nothing"), [""; 0]);
    }
}
