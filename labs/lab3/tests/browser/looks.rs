//! What holds for every page: readable in light and dark, on a projector and on a phone.

use std::path::{Path, PathBuf};
use std::sync::Once;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::tab::Tab;

/// A projector and a phone.
const SIZES: [(u32, u32); 2] = [(1280, 720), (390, 844)];
const SCHEMES: [&str; 2] = ["light", "dark"];

/// Looks at the page as it stands, in every size and colour: axe-core finds nothing, nothing is wider
/// than the window. Screenshots are kept as `<name>-<width>x<height>-<scheme>.png`.
pub(crate) fn check(tab: &Tab, name: &str) {
    for (width, height) in SIZES {
        for scheme in SCHEMES {
            set(tab, width, height, scheme);
            screenshot(tab, &format!("{name}-{width}x{height}-{scheme}"));
            let overflow = tab.run("return document.documentElement.scrollWidth - innerWidth");
            assert!(overflow.as_i64() <= Some(0), "{name} is wider than {width}: {overflow}");
            let found = violations(tab);
            assert!(found.is_empty(), "{name}, {width}x{height}, {scheme}: {found:#?}");
        }
    }
    tab.devtools("Emulation.clearDeviceMetricsOverride", &json!({}));
}

/// Gives the tab this size and colour scheme.
pub(crate) fn set(tab: &Tab, width: u32, height: u32, scheme: &str) {
    let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
    tab.devtools("Emulation.setDeviceMetricsOverride", &size);
    let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
    tab.devtools("Emulation.setEmulatedMedia", &scheme);
}

/// Keeps what the tab shows now in `target/screenshots`.
pub(crate) fn screenshot(tab: &Tab, name: &str) {
    let picture = tab.devtools("Page.captureScreenshot", &json!({"format": "png"}));
    let picture = BASE64.decode(picture["data"].as_str().unwrap()).unwrap();
    let folder = target().join("screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
}

/// What axe-core has to say against the page, each with the elements that it means.
fn violations(tab: &Tab) -> Vec<String> {
    let Some(axe) = axe() else { return Vec::new() };
    if tab.run("return typeof axe === 'undefined'") == true {
        tab.run(&axe);
    }
    let found = tab.run_async(
        "const done = arguments[arguments.length - 1];
         axe.run(document, {resultTypes: ['violations']}).then(done, error => done(String(error)))",
    );
    let list = found["violations"].as_array().unwrap_or_else(|| panic!("axe-core failed: {found}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = |rule: &Value| {
        let places = rule["nodes"].as_array().unwrap().iter();
        let places = places.map(|node| text(&node["html"]) + " " + &text(&node["failureSummary"]));
        let places: Vec<_> = places.collect();
        format!("{}: {}\n{}", text(&rule["id"]), text(&rule["help"]), places.join("\n"))
    };
    list.iter().map(told).collect()
}

/// Whether axe-core is installed.
pub(crate) fn has_axe() -> bool {
    axe().is_some()
}

/// axe-core's source; without it that much of the check is left out, and said so.
fn axe() -> Option<String> {
    static SAID: Once = Once::new();
    let file = target().join("axe-core/node_modules/axe-core/axe.min.js");
    let source = std::fs::read_to_string(file).ok();
    if source.is_none() {
        SAID.call_once(|| {
            use std::io::Write;
            let line = "did not run: axe-core on the pages; scripts/install-browser.sh brings it\n";
            std::io::stderr().write_all(line.as_bytes()).unwrap();
        });
        assert!(std::env::var_os("CI").is_none(), "axe-core is not installed");
    }
    source
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}
