//! `[variant.NAME]`: what differs, laid over the rest of the file.

use super::error::{PersonaError, Source, suggestion};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// Lays the variant over the document and removes all variants from it.
///
/// Tables are merged key by key, `client` entries are added, `without = ["kind", …]` removes the clients of
/// those kinds and the tables of those names; every other value replaces.
pub(super) fn apply<'i>(
    source: Source<'_>,
    document: &mut DeTable<'i>,
    variant: Option<&str>,
) -> Result<(), PersonaError> {
    let variants = match document.remove("variant").map(Spanned::into_inner) {
        None => DeTable::new(),
        Some(DeValue::Table(table)) => table,
        Some(_) => return Err(source.error(None, "`variant` is not a table", "write `[variant.NAME]`")),
    };
    let Some(name) = variant else { return Ok(()) };
    let Some(overlay) = variants.get(name) else {
        let known: Vec<&str> = variants.keys().map(|key| key.get_ref().as_ref()).collect();
        return Err(source.error(None, format!("no variant `{name}`"), suggestion(name, &known)));
    };
    let span = overlay.span();
    let DeValue::Table(mut overlay) = overlay.get_ref().clone() else {
        return Err(source.error(Some(span), "the variant is not a table", "write `[variant.NAME]`"));
    };
    if let Some(kinds) = overlay.remove("without") {
        for kind in without(source, &kinds)? {
            remove_kind(source, document, &kind)?;
        }
    }
    merge(document, overlay);
    Ok(())
}

fn without(source: Source<'_>, kinds: &Spanned<DeValue<'_>>) -> Result<Vec<Spanned<String>>, PersonaError> {
    let refuse = |span| source.error(Some(span), "not a list of kinds", "write `without = [\"amthi\", …]`");
    let list = kinds.get_ref().as_array().ok_or_else(|| refuse(kinds.span()))?;
    list.iter()
        .map(|kind| match kind.get_ref().as_str() {
            Some(name) => Ok(Spanned::new(kind.span(), name.to_owned())),
            None => Err(refuse(kind.span())),
        })
        .collect()
}

/// Removes the clients of a kind and the table of that name.
fn remove_kind(
    source: Source<'_>,
    document: &mut DeTable<'_>,
    kind: &Spanned<String>,
) -> Result<(), PersonaError> {
    let mut found = document.remove(kind.get_ref().as_str()).is_some();
    if let Some(DeValue::Array(clients)) = document.get_mut("client").map(Spanned::get_mut) {
        let is_kind = |client: &Spanned<DeValue<'_>>| {
            let value = client.get_ref().as_table().and_then(|table| table.get("kind"));
            value.and_then(|value| value.get_ref().as_str()) == Some(kind.get_ref().as_str())
        };
        found |= clients.iter().any(is_kind);
        let mut kept = DeArray::new();
        for client in clients.iter().filter(|client| !is_kind(client)) {
            kept.push(client.clone());
        }
        *clients = kept;
    }
    if found {
        return Ok(());
    }
    let reason = format!("the persona has nothing called `{}`", kind.get_ref());
    Err(source.error(Some(kind.span()), reason, "remove it from the list"))
}

fn merge<'i>(base: &mut DeTable<'i>, overlay: DeTable<'i>) {
    for (key, value) in overlay {
        match (base.get_mut(key.get_ref().as_ref()).map(Spanned::get_mut), value.into_inner()) {
            (Some(DeValue::Table(base)), DeValue::Table(overlay)) => merge(base, overlay),
            (Some(DeValue::Array(base)), DeValue::Array(added)) if key.get_ref() == "client" => {
                for client in added {
                    base.push(client);
                }
            }
            (Some(base), value) => *base = value,
            (None, value) => {
                let span = key.span();
                base.insert(key, Spanned::new(span, value));
            }
        }
    }
}
