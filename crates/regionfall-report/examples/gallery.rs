//! Draws every picture and the page from made-up data into a folder, to be looked at.
//!
//! `cargo run -p regionfall-report --example gallery -- FOLDER`

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

#[path = "../tests/it/made_up.rs"]
mod made_up;

fn main() -> std::io::Result<()> {
    let folder = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "target/gallery".to_owned());
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    for (name, svg) in made_up::pictures() {
        File::create(folder.join(format!("{name}.svg")))?.write_all(svg.as_bytes())?;
    }
    File::create(folder.join("report.html"))?.write_all(made_up::page().as_bytes())
}
