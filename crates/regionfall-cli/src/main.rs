//! The `regionfall` command. Everything is in the library beside it.

fn main() -> std::process::ExitCode {
    regionfall_cli::main()
}
