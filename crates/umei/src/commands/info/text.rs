//! The report for people.

use super::problems::{Kind, Problem};
use super::report::{Amt, Features, Firmware, Interface, Link, Report};
use std::fmt::{Display, Write};

pub(super) fn render(report: &Report) -> String {
    let mut page = Page::default();
    page.line("Device", &report.device);
    if let Some(link) = &report.link {
        link_lines(&mut page, link);
    }
    firmware_lines(&mut page, report.link.as_ref(), report.firmware.as_ref());
    match &report.amt {
        Some(amt) => amt_lines(&mut page, amt),
        None if report.problems.iter().all(|problem| !matches!(problem.part, "AMT" | "device")) => {
            page.heading("AMT");
            page.text("none on this machine");
        }
        None => {}
    }
    problem_lines(&mut page, "Failed", Kind::Failed, &report.problems);
    problem_lines(&mut page, "Not told by this firmware", Kind::Refused, &report.problems);
    page.0
}

/// Lines with a label in front; a label without value is left out.
#[derive(Default)]
struct Page(String);

impl Page {
    const LABEL: usize = 18;

    fn put(&mut self, line: std::fmt::Arguments<'_>) {
        self.0.write_fmt(line).and_then(|()| self.0.write_char('\n')).expect("a string takes every line");
    }

    fn heading(&mut self, heading: &str) {
        self.put(format_args!("\n{heading}"));
    }

    fn text(&mut self, text: &str) {
        self.put(format_args!("  {text}"));
    }

    fn line(&mut self, label: &str, value: impl Display) {
        self.put(format_args!("{label:<width$}{value}", width = Self::LABEL + 2));
    }

    fn item(&mut self, label: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.put(format_args!("  {label:<width$}{value}", width = Self::LABEL));
        }
    }
}

fn link_lines(page: &mut Page, link: &Link) {
    if let Some(function) = &link.function {
        let (vendor, device) = (function.vendor, function.device);
        match (function.product, function.generation) {
            (Some(product), Some(generation)) => page.line(
                "PCI function",
                format_args!("{} {vendor:04x}:{device:04x}, {product} ({generation})", function.address),
            ),
            _ => page.line("PCI function", format_args!("{} {vendor:04x}:{device:04x}", function.address)),
        }
    }
    let state = link.state.as_deref().unwrap_or("unknown");
    match &link.hbm_version {
        Some(version) => page.line("Link", format_args!("{state}, HBM {version}")),
        None => page.line("Link", state),
    }
    if let Some(kind) = link.kind.as_deref().filter(|kind| *kind != "mei") {
        page.line("Kind", kind);
    }
}

fn firmware_lines(page: &mut Page, link: Option<&Link>, firmware: Option<&Firmware>) {
    let told = firmware.map(|firmware| &firmware.versions).filter(|versions| !versions.is_empty());
    let versions = told.or(link.map(|link| &link.firmware_versions));
    let known = versions.is_some_and(|versions| !versions.is_empty())
        || firmware.is_some()
        || link.is_some_and(|link| !link.status_registers.is_empty());
    if !known {
        return;
    }
    page.heading("Firmware");
    for (label, version) in ["Version", "Recovery", "Image tool"].iter().zip(versions.into_iter().flatten()) {
        page.item(label, Some(version));
    }
    if let Some(firmware) = firmware {
        page.item(
            "Platform",
            firmware.platform.as_ref().map(|platform| {
                let signed = if platform.production { "" } else { ", not production signed" };
                format!("{}, {} image, brand {}{signed}", platform.usage, platform.image, platform.brand)
            }),
        );
        page.item("Capable of", firmware.capable.as_ref().map(names));
        page.item("Enabled", firmware.enabled.as_ref().map(names));
    }
    if let Some(link) = link {
        page.item("State", link.working_state());
        let registers: Vec<String> = link.status_registers.iter().map(|word| format!("{word:08X}")).collect();
        page.item("Status registers", (!registers.is_empty()).then(|| registers.join(" ")));
        page.item("TRC", link.trc.map(|word| format!("{word:08X}")));
    }
}

fn names(features: &Features) -> String {
    match features.names.as_slice() {
        [] => format!("nothing known ({:#010x})", features.bits),
        names => format!("{} ({:#010x})", names.join(", "), features.bits),
    }
}

fn amt_lines(page: &mut Page, amt: &Amt) {
    page.heading("AMT");
    let build = amt.version("Build Number").map(|build| format!(" build {build}")).unwrap_or_default();
    page.item("Version", amt.version("AMT").map(|version| format!("{version}{build}")));
    page.item("SKU", amt.version("Sku"));
    page.item("BIOS", amt.bios.as_ref());
    page.item("State", amt.provisioning_state.as_ref());
    page.item("Mode", amt.provisioning_mode.as_ref());
    page.item("Control mode", amt.control_mode.as_ref());
    page.item("EHBC", amt.ehbc_allowed.map(|allowed| if allowed { "allowed" } else { "not allowed" }));
    page.item("UUID", amt.uuid.as_ref());
    page.item("MAC, own", amt.mac_dedicated.as_ref());
    page.item("MAC, host", amt.mac_host.as_ref());
    page.item("Wired", amt.wired.as_ref().map(interface));
    page.item("Wireless", amt.wireless.as_ref().map(interface));
    page.item("DNS suffix", amt.dns_suffix.as_ref());
    page.item("Host name", amt.host_name.as_ref());
    page.item(
        "Remote access",
        amt.remote_access.as_ref().map(|remote| match &remote.server {
            Some(server) => format!("{}, server {server}", remote.tunnel),
            None => remote.tunnel.clone(),
        }),
    );
}

fn interface(interface: &Interface) -> String {
    let enabled = if interface.enabled { "enabled" } else { "disabled" };
    let link = if interface.link_up { "link up" } else { "no link" };
    let origin = if interface.dhcp { "DHCP" } else { "static" };
    let address = interface.address.as_deref().unwrap_or("no address");
    format!("{enabled}, {link}, {address} ({origin}), {}", interface.mac)
}

fn problem_lines(page: &mut Page, heading: &str, kind: Kind, problems: &[Problem]) {
    let mut problems = problems.iter().filter(|problem| problem.kind == kind).peekable();
    if problems.peek().is_some() {
        page.heading(heading);
    }
    for problem in problems {
        page.text(&format!("{}: {}", problem.part, problem.reason));
        if let Some(remedy) = problem.remedy {
            page.text(&format!("  remedy: {remedy}"));
        }
    }
}
