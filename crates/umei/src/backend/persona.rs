//! From what was typed to a persona.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use mei_emulator::Persona;

/// The newest generation that every program knows.
pub(crate) const DEFAULT_PERSONA: &str = "tiger-lake";
/// Longest persona file.
const LONGEST: u64 = 1 << 20;

/// The persona called `text`: a built-in name, `FILE.toml`, or `FILE.toml:VARIANT`.
///
/// # Errors
/// Says which names there are, or what is wrong with the file.
pub(crate) fn choose_persona(text: &str) -> Result<Persona> {
    if let Some(persona) = Persona::builtin(text) {
        return Ok(persona);
    }
    let (file, variant) = match text.rsplit_once(':') {
        Some((file, variant)) if is_file_name(file) => (file, Some(variant)),
        _ => (text, None),
    };
    if !is_file_name(file) {
        let names = Persona::builtin_names().join(", ");
        bail!("there is no persona `{text}`; there are {names}, and any .toml file by its path");
    }
    let source = read(Path::new(file)).with_context(|| format!("reading the persona {file}"))?;
    Ok(match variant {
        Some(variant) => Persona::parse_variant(&source, file, variant)?,
        None => Persona::parse(&source, file)?,
    })
}

fn is_file_name(text: &str) -> bool {
    text.contains('/') || Path::new(text).extension().is_some_and(|extension| extension == "toml")
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        bail!("it is longer than {LONGEST} bytes");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = choose_persona("coffee-lake-b").unwrap_err().to_string();
        assert!(error.contains("`coffee-lake-b`") && error.contains("tiger-lake"), "{error}");
    }

    #[test]
    fn a_path_is_a_file_and_a_variant_follows_a_colon() {
        assert!(is_file_name("x.toml") && is_file_name("./x") && !is_file_name("tiger-lake"));
        let error = format!("{:#}", choose_persona("/nonexistent/x.toml:y").unwrap_err());
        assert!(error.contains("/nonexistent/x.toml:") && error.contains("No such file"), "{error}");
    }

    #[test]
    fn the_default_exists() {
        assert!(choose_persona(DEFAULT_PERSONA).is_ok());
    }
}
